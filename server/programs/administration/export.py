"""`gymlocker users export`: all that is stored of one person, as one JSON file."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from server.errors import StartError
from server.libraries.common.atomic_file import whole_file
from server.libraries.database.pool import Database
from server.programs.administration.user_repository import ListedUser
from server.programs.administration.users import find
from server.programs.client.target_file import already_exists
from server.services.auth.export import AccountExport
from server.services.workout.repository import WorkoutRepository


@dataclass(frozen=True, slots=True)
class Export:
    """An export of a user: the file and its size in bytes."""

    user: ListedUser
    file: Path
    size: int


async def export_user(
    database: Database, name: str, path: Path, *, force: bool, written: Callable[[int], None]
) -> Export:
    """Write the user's data to a file, which is readable by its owner only.

    `written` gets the number of bytes so far. Raises StartError, and then leaves the file absent
    or unchanged.
    """
    user = await find(database, name)
    export = AccountExport(database, WorkoutRepository(database))
    size = 0
    try:
        with whole_file(path, overwrite=force) as file:
            async for chunk in export.chunks(user.id):
                size += file.write(chunk)
                written(size)
    except FileExistsError:
        raise already_exists(path) from None
    except OSError as error:
        raise StartError(f"{path} cannot be written ({error.strerror}).") from error
    return Export(user, path, size)
