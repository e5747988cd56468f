"""`gymlocker db backup`: the database as a file of pg_dump, complete or not at all."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import asyncpg

from server.errors import StartError
from server.libraries.common.atomic_file import new_file
from server.programs.administration.database_in_use import (
    DatabaseInUse,
    connect_to,
    database_in_use,
)
from server.programs.administration.libpq import libpq_environment
from server.programs.administration.postgres_programs import RunningProgram, programs_for, running
from server.programs.client.target_file import already_exists, target_file

STDOUT = "-"
CHUNK_BYTES = 256 * 1024
POLL = 0.1
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Dump:
    """A dump: its file, its size in bytes, and the version of the server that it is of."""

    file: str
    size: int
    postgresql: str


async def dump(folder: Path, name: str, *, force: bool, written: Progress) -> Dump:
    """Write a dump of the database in use to a file that only its owner can read, or to "-".

    `written` gets the number of bytes so far. Raises StartError, and then leaves the file absent
    or unchanged.
    """
    path = None if name == STDOUT else target_file(name, force=force)
    if path is None and sys.stdout.isatty():
        raise StartError("A dump cannot be shown in a terminal: pass a file, or redirect it.")
    async with database_in_use(folder, "gymlocker db backup") as found:
        connection = await connect_to(found)
        try:
            version, schema = await _described(connection)
        finally:
            await connection.close()
        programs = await programs_for(int(version.partition(".")[0]), "pg_dump")
        pg_dump = _PgDump(programs, found, schema, written)
        if path is None:
            return Dump(STDOUT, await pg_dump.copy_to(sys.stdout.buffer), version)
        try:
            with new_file(path, overwrite=force) as new:
                return Dump(str(path), await pg_dump.write(new), version)
        except FileExistsError:
            raise already_exists(path) from None
        except OSError as error:
            raise StartError(f"{path} cannot be written ({error.strerror}).") from error


def left_out(environment: Mapping[str, str]) -> list[str]:
    """Return what belongs to the data but is not in a dump, for people."""
    found = [
        "the key of access tokens: JWT_SECRET_KEY, or jwt-secret-key in the data folder",
        "the keys of LiftLog's backups: BACKUP_AGE_IDENTITY_FILE, or backup-age-identity there",
        "the store of LiftLog's backups: BACKUP_STORE, or backups there",
        "the key of push: VAPID_PRIVATE_KEY_FILE, or vapid-private-key.pem there",
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


class _PgDump:
    """A run of pg_dump. `written` gets the number of bytes so far."""

    def __init__(
        self, programs: Path, found: DatabaseInUse, schema: str, written: Progress
    ) -> None:
        # Other schemas and extensions belong to the operator of the database, owners and
        # privileges to the roles of this one.
        options = ("--format=custom", "--no-owner", "--no-privileges", "--no-password")
        self._command = (programs / "pg_dump", *options, f"--schema={exactly(schema)}")
        self._environment = libpq_environment(found.url)
        self._written = written

    async def write(self, file: Path) -> int:
        """Write the dump to a file; return its size. Raises StartError."""
        async with running(
            # Into its standard output, it would write no positions of the tables' rows.
            [*self._command, f"--file={file}"],
            environment=self._environment,
            output=subprocess.DEVNULL,
        ) as pg_dump:
            while not await pg_dump.ends_within(POLL):
                self._written(_size(file))
            await _require_success(pg_dump)
        return _size(file)

    async def copy_to(self, target: BinaryIO) -> int:
        """Copy the dump to a stream; return its size. Raises StartError."""
        size = 0
        async with running(
            # Through a pipe: pg_dump appends to a file, and what it writes at the end of one would
            # hide that the rest is missing.
            self._command,
            environment=self._environment,
            output=subprocess.PIPE,
        ) as pg_dump:
            source = pg_dump.child.stdout
            assert source is not None  # noqa: S101 - it is a pipe
            while chunk := await source.read(CHUNK_BYTES):
                size += await asyncio.to_thread(target.write, chunk)
                self._written(size)
            await _require_success(pg_dump)
        target.flush()
        return size


async def _require_success(pg_dump: RunningProgram) -> None:
    if error := await pg_dump.error():
        raise StartError(f"The database cannot be dumped: {error}")


def _size(file: Path) -> int:
    return file.stat().st_size


def exactly(schema: str) -> str:
    """Return a pattern of pg_dump that matches this schema alone."""
    return '"' + schema.replace('"', '""') + '"'
