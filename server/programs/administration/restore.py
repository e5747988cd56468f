"""`gymlocker db restore`: replace the database by a dump, all of it or nothing.

pg_restore writes the dump as SQL. psql runs it in one transaction that also drops what was there,
and that is committed when pg_restore has read the file to its end.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, cast

import asyncpg

from server.errors import StartError
from server.libraries.database import liftlog_schema
from server.libraries.database.migrations import ADVISORY_LOCK, migrate
from server.libraries.database.schema import metadata
from server.programs.administration.database_in_use import (
    DatabaseInUse,
    connect_to,
    database_in_use,
    exists,
)
from server.programs.administration.dump_contents import require_restorable
from server.programs.administration.libpq import libpq_environment
from server.programs.administration.postgres_programs import RunningProgram, programs_for, running
from server.programs.client.text import counted

PG_RESTORE_OPTIONS = ("--file=-", "--no-owner", "--no-privileges")
PSQL_OPTIONS = ("--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1")
STDIN = "-"
CHUNK_BYTES = 256 * 1024
# The first version that knows transaction_timeout, which newer programs set to 0.
TRANSACTION_TIMEOUT = 17
_UNKNOWN_SETTING = b"SET transaction_timeout = 0;\n"

KNOWN_TABLES = {
    *metadata.tables,
    *liftlog_schema.feed.tables,
    *liftlog_schema.rate_limits.tables,
    "alembic_version",
    "__EFMigrationsHistory",
}
_OWN = "NOT EXISTS (SELECT FROM pg_depend WHERE objid = it.oid AND deptype = 'e')"
_TABLES = f"""
SELECT relname FROM pg_class it
WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')
    AND {_OWN} ORDER BY relname
"""  # noqa: S608 - of constants
_WORKERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'gymlocker'
"""
_BEGIN = f"""
SET client_min_messages = warning;
BEGIN;
DO $$ BEGIN
    IF NOT pg_try_advisory_xact_lock({ADVISORY_LOCK}) THEN
        RAISE EXCEPTION 'another process is migrating this database';
    END IF;
END $$;
DO $$
DECLARE statement text;
BEGIN
    FOR statement IN
        SELECT format('DROP TABLE %s CASCADE', it.oid::regclass) FROM pg_class it
        WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND {_OWN}
        UNION ALL
        SELECT format('DROP FUNCTION %s CASCADE', it.oid::regprocedure) FROM pg_proc it
        WHERE pronamespace = current_schema()::regnamespace AND prokind = 'f'
            AND pg_get_userbyid(proowner) = current_user AND {_OWN}
    LOOP
        EXECUTE statement;
    END LOOP;
END $$;
"""  # noqa: S608 - of constants
_MESSAGE = re.compile(r"ERROR: +(.*?)(?: DETAIL:| HINT:| CONTEXT:|$)")
UNCHANGED = "Nothing was changed."


async def restore(
    folder: Path,
    file: BinaryIO,
    name: str,
    *,
    replace: bool,
    read: Callable[[int, int], None],
    report: Callable[[str], None],
) -> None:
    """Restore a dump, called `name` in errors, into the database in use, and migrate it.

    If `replace`, the tables that are there are dropped in the same transaction. `read` gets the
    number of bytes read and their total, `report` a sentence for each step of the migration.
    Raises StartError, and then nothing was changed unless the migration failed.
    """
    async with database_in_use(
        folder, "gymlocker db restore", exclusive=True, create=True
    ) as found:
        version, schema = await _prepare(found, replace=replace)
        programs = await programs_for(version, "pg_restore", "psql")
        await require_restorable(programs, file, name, schema)
        await _Restore(programs, found, file, name, read).run(version, schema)
        await migrate(found.url, None, report)


async def is_empty(folder: Path) -> bool:
    """Check whether the database in use has no tables. Raises StartError."""
    if not exists(folder):
        return True
    async with database_in_use(folder, "gymlocker db restore", exclusive=True) as found:
        connection = await connect_to(found)
        try:
            return not await connection.fetch(_TABLES)
        finally:
            await connection.close()


def open_dump(name: str) -> BinaryIO:
    """Open a dump; of the standard input, a temporary copy, for it is read more than once.

    Call it outside of an event loop, in which Ctrl-C would not end the copying. Raises StartError.
    """
    if name == STDIN:
        if sys.stdin.isatty():
            raise StartError("A dump cannot be typed in a terminal: pass a file, or redirect one.")
        copy = TemporaryFile()  # noqa: SIM115 - the caller closes it
        shutil.copyfileobj(sys.stdin.buffer, copy)
        copy.flush()
        return cast(BinaryIO, copy)
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise StartError(f"{name} cannot be read ({error.strerror}).") from error


async def _prepare(found: DatabaseInUse, *, replace: bool) -> tuple[int, str]:
    """Check the database; return the major version of its server, and its schema."""
    connection = await connect_to(found)
    try:
        await _require_replaceable(connection, replace=replace)
        version = int(await connection.fetchval("SHOW server_version_num")) // 10_000
        return version, await connection.fetchval("SELECT current_schema()")
    finally:
        await connection.close()


async def _require_replaceable(connection: asyncpg.Connection, *, replace: bool) -> None:
    tables = [row["relname"] for row in await connection.fetch(_TABLES)]
    if strangers := [name for name in tables if name not in KNOWN_TABLES]:
        raise StartError(
            f"The database also belongs to another application (table {strangers[0]}): restore "
            "into a database of its own."
        )
    if tables and not replace:
        raise StartError(
            "The database is not empty: restore into an empty one, or replace all that is in this "
            "one with --replace."
        )
    if workers := await connection.fetchval(_WORKERS):
        raise StartError(
            f"Workers are connected to the database ({counted(workers, 'connection')}): stop them "
            "first."
        )


class _Restore:
    """One transaction that replaces the contents of the database."""

    def __init__(
        self,
        programs: Path,
        found: DatabaseInUse,
        file: BinaryIO,
        name: str,
        read: Callable[[int, int], None],
    ) -> None:
        self._programs = programs
        self._environment = libpq_environment(found.url)
        self._file = file
        self._name = name
        self._size = os.fstat(file.fileno()).st_size
        self._read = read

    async def run(self, version: int, schema: str) -> None:
        async with (
            running(
                [self._programs / "pg_restore", *PG_RESTORE_OPTIONS, f"--schema={schema}"],
                environment=self._environment,
                output=subprocess.PIPE,
                input=self._file,
            ) as pg_restore,
            running(
                [self._programs / "psql", *PSQL_OPTIONS],
                environment=self._environment,
                output=subprocess.DEVNULL,
                input=subprocess.PIPE,
            ) as psql,
        ):
            # A broken pipe: psql has ended with an error.
            with suppress(BrokenPipeError, ConnectionResetError):
                await self._copy(pg_restore, psql, version)
            if error := await psql.error():
                message = _MESSAGE.search(error)
                raise StartError(
                    f"{self._name} cannot be restored ({message[1] if message else error}). "
                    f"{UNCHANGED}"
                )

    async def _copy(self, pg_restore: RunningProgram, psql: RunningProgram, version: int) -> None:
        """Feed psql with the dump, and with the commit once pg_restore was successful."""
        source, target = pg_restore.child.stdout, psql.child.stdin
        assert source is not None  # noqa: S101 - both are pipes
        assert target is not None  # noqa: S101
        target.write(_BEGIN.encode())
        header = version < TRANSACTION_TIMEOUT
        while chunk := await source.read(CHUNK_BYTES):
            target.write(_without_unknown_setting(chunk) if header else chunk)
            await target.drain()
            header = False
            # pg_restore shares the position in the file.
            self._read(os.lseek(self._file.fileno(), 0, os.SEEK_CUR), self._size)
        if error := await pg_restore.error():
            raise StartError(f"{self._name} is damaged or cut off ({error}). {UNCHANGED}")
        target.write(b"COMMIT;\n")
        # Otherwise psql could end without an error and without the commit.
        await target.drain()
        target.close()
        await target.wait_closed()


def _without_unknown_setting(start: bytes) -> bytes:
    """Remove the setting from the header, which ends with the first object."""
    header, separator, rest = start.partition(b"\n-- Name: ")
    return header.replace(_UNKNOWN_SETTING, b"") + separator + rest
