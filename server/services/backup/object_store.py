"""The place of the encrypted backups: a folder, or a bucket of an object store."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol
from uuid import UUID

import structlog

from server.errors import GymlockerError, Unavailable, disk_full
from server.libraries.common.full_disk import lacks_room
from server.services.backup.encryption import Readable
from server.services.backup.pipes import PipeClosed

RETRY_SECONDS = 5

_log = structlog.get_logger("backup")


class ObjectMissing(Exception):
    """The store has no such object."""


class ObjectStore(Protocol):
    """A store of objects by id. It must do what it has acknowledged, also after a crash."""

    # A folder whose disk may become full; None if there is none.
    folder: Path | None

    def spool(self, object_id: UUID) -> AbstractContextManager[BinaryIO]:
        """Open a file for the bytes of a new object. It is gone afterwards."""

    async def put(self, object_id: UUID, spool: BinaryIO) -> None:
        """Store a spooled file, durably."""

    def open(self, object_id: UUID) -> AbstractContextManager[Readable]:
        """Open an object, in a thread. Raises ObjectMissing."""

    async def remove(self, object_ids: Sequence[UUID]) -> None:
        """Remove objects and what uploads of them have left, if they exist."""

    async def close(self) -> None:
        """Close connections."""

    async def check(self) -> bool:
        """Return False if the store does not respond. Raises StartError if it cannot be used."""


@contextmanager
def reachable(action: str, is_closed: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """Raise Unavailable instead of a store's error, ResourceExhausted if its disk is full.

    `is_closed` tells whether the client has given up, which may look like an error of the store.
    """
    try:
        yield
    except (GymlockerError, ObjectMissing):
        raise
    except Exception as error:
        if is_closed():
            raise PipeClosed from error
        if isinstance(error, OSError) and lacks_room(error):
            raise disk_full() from error
        _log.error("store_failed", action=action, error=type(error).__name__)
        raise store_unavailable() from error


def store_unavailable() -> Unavailable:
    """Return the error for a store that does not do its work."""
    return Unavailable(
        "The server's store of backups does not respond. Try again later.",
        reason="BACKUP_STORE_UNAVAILABLE",
        retry_after=RETRY_SECONDS,
    )


def file_name(object_id: UUID) -> str:
    """Return the name of an object in every kind of store."""
    return f"objects/{object_id}.age"
