"""`gymlocker db backup`: the database as a file of pg_dump, complete or not at all."""

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from server.errors import StartError
from server.libraries.common.atomic_file import new_file
from server.programs.administration.database_in_use import (
    DatabaseInUse,
    connect_to,
    database_in_use,
)
from server.programs.administration.libpq import libpq_environment
from server.programs.administration.postgres_programs import programs_for, running
from server.programs.client.target_file import already_exists, target_file

POLL = 0.1
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Dump:
    """A dump: its size in bytes, and the version of the server that it is of."""

    file: Path
    size: int
    postgresql: str


async def dump(folder: Path, name: str, *, force: bool, written: Progress) -> Dump:
    """Write a dump of the database in use to a file, which is readable by its owner only.

    `written` gets the number of bytes so far. Raises StartError, and then leaves the file absent
    or unchanged.
    """
    path = target_file(name, force=force)
    async with database_in_use(folder, "gymlocker db backup") as found:
        connection = await connect_to(found)
        try:
            version, schema = await _described(connection)
        finally:
            await connection.close()
        programs = await programs_for(int(version.partition(".")[0]), "pg_dump")
        try:
            with new_file(path, overwrite=force) as new:
                await _dump(programs, found, schema, new, written)
                size = _size(new)
        except FileExistsError:
            raise already_exists(path) from None
        except OSError as error:
            raise StartError(f"{path} cannot be written ({error.strerror}).") from error
    return Dump(path, size, version)


def left_out(environment: Mapping[str, str]) -> list[str]:
    """Return what belongs to the data but is not in a dump, for people."""
    found = [
        "the key of access tokens: JWT_SECRET_KEY, or jwt-secret-key in the data folder",
        "the keys of LiftLog's backups: BACKUP_AGE_IDENTITY_FILE, or backup-age-identity there",
        "the store of LiftLog's backups: BACKUP_STORE, or backups there",
    ]
    if environment.get("RATE_LIMIT_DATABASE_URL"):
        found.append("the database of RATE_LIMIT_DATABASE_URL, which may start empty")
    return found


async def _described(connection: asyncpg.Connection) -> tuple[str, str]:
    """Return the server's version and the schema of our tables. Raises StartError without any."""
    is_ours = await connection.fetchval("SELECT to_regclass('alembic_version') IS NOT NULL")
    if not is_ours:
        raise StartError(
            "The database has no tables of Gymlocker: check DATABASE_URL, or run gymlocker migrate."
        )
    version: str = await connection.fetchval("SHOW server_version")
    return version.partition(" ")[0], await connection.fetchval("SELECT current_schema()")


async def _dump(
    programs: Path, found: DatabaseInUse, schema: str, file: Path, written: Progress
) -> None:
    # Other schemas and extensions belong to the operator of the database, owners and privileges to
    # the roles of this one.
    options = ("--format=custom", "--no-owner", "--no-privileges", "--no-password")
    async with running(
        # Into its standard output, it would write no positions of the tables' rows.
        [programs / "pg_dump", *options, f"--schema={exactly(schema)}", f"--file={file}"],
        environment=libpq_environment(found.url),
        output=subprocess.DEVNULL,
    ) as pg_dump:
        while not await pg_dump.ends_within(POLL):
            written(_size(file))
        if error := await pg_dump.error():
            raise StartError(f"The database cannot be dumped: {error}")


def _size(file: Path) -> int:
    return file.stat().st_size


def exactly(schema: str) -> str:
    """Return a pattern of pg_dump that matches this schema alone."""
    return '"' + schema.replace('"', '""') + '"'
