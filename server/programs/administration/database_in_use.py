"""The database that the commands work on: DATABASE_URL, or the embedded one of a data folder.

DATABASE_URL is set           that database
`gymlocker up` is running     its PostgreSQL, by its socket
neither                       PostgreSQL is started for the time of the command
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from server.errors import StartError
from server.libraries.database.connect import CONNECT_ERRORS, connect, place_of
from server.libraries.database.pool import Database
from server.libraries.database.schema_version import require_current_schema
from server.libraries.process.supervisor import Supervisor
from server.libraries.settings import LocalSettings, Settings, load
from server.programs.local.data_directory import UP, FolderInUse, locked
from server.programs.local.postgres import EmbeddedPostgres, readiness_check, url_at
from server.programs.local.probes import postgres_answers

# How long to wait for a `gymlocker up` that is starting, or for another command.
TIMEOUT = 30.0
POLL = 0.1
CONNECT_SECONDS = 10.0


@dataclass(frozen=True)
class DatabaseInUse:
    """The URL of the database, and whether it is embedded."""

    url: str
    is_embedded: bool


@asynccontextmanager
async def database_in_use(
    folder: Path, command: str, *, exclusive: bool = False, create: bool = False
) -> AsyncIterator[DatabaseInUse]:
    """Return the database in use, which answers.

    `command` names the caller to others that want the folder. If `exclusive`, `gymlocker up` must
    not run. If `create`, an embedded database is created where there is none. Raises StartError.
    """
    if _is_given():
        yield DatabaseInUse(load(Settings).database_url, is_embedded=False)
        return
    if not (create or _has_cluster(folder)):
        raise StartError(
            f"There is no database in {folder}: start `gymlocker up` first, pass its folder with "
            "--data-dir, or set DATABASE_URL."
        )
    async with _running_on(folder, command, exclusive=exclusive) as url:
        yield DatabaseInUse(url, is_embedded=True)


@asynccontextmanager
async def open_database(folder: Path, command: str) -> AsyncIterator[Database]:
    """Open the database in use. Raises StartError if its schema is not this release's."""
    async with database_in_use(folder, command) as found:
        connection = await connect_to(found)
        await connection.close()
        async with Database(found.url, pool_size=2) as database:
            await _require_schema(database, folder, found)
            yield database


async def connect_to(found: DatabaseInUse) -> asyncpg.Connection:
    """Connect to the database. Raises StartError."""
    try:
        return await connect(
            found.url,
            timeout=CONNECT_SECONDS,
            server_settings={"application_name": "gymlocker-administration"},
        )
    except CONNECT_ERRORS as error:
        raise StartError(
            f"The database is unreachable{place_of(found.url)}: {error or 'no answer'}. "
            "Check DATABASE_URL and that PostgreSQL runs."
        ) from error


async def _require_schema(database: Database, folder: Path, found: DatabaseInUse) -> None:
    try:
        await require_current_schema(database, "feed")
    except StartError:
        if not found.is_embedded:
            raise
        raise StartError(
            f"The database is not up to date. Run: gymlocker migrate --data-dir {folder}"
        ) from None


def exists(folder: Path) -> bool:
    """Check whether there is a database in use, which may be empty. Raises StartError."""
    return _is_given() or _has_cluster(folder)


def _is_given() -> bool:
    return load(LocalSettings).database_url is not None


def _has_cluster(folder: Path) -> bool:
    try:
        return (folder / "postgres" / "data").exists()
    except OSError as error:
        raise StartError(
            f"The data folder {folder} cannot be read ({error.strerror}): run the command as the "
            "user who runs `gymlocker up`."
        ) from error


@asynccontextmanager
async def _running_on(folder: Path, command: str, *, exclusive: bool) -> AsyncIterator[str]:
    """Return the URL of the folder's PostgreSQL, which is started if it does not run."""
    with ExitStack() as lock:
        url = await _lock_or_join(folder, command, lock, exclusive=exclusive)
        if url is not None:
            yield url
        else:
            async with _started(folder) as url:
                yield url


async def _lock_or_join(
    folder: Path, command: str, lock: ExitStack, *, exclusive: bool
) -> str | None:
    """Lock the folder, or return the URL of the PostgreSQL that `gymlocker up` runs there."""
    deadline = asyncio.get_running_loop().time() + TIMEOUT
    while True:
        try:
            lock.enter_context(locked(folder, command))
        except FolderInUse as error:
            is_late = asyncio.get_running_loop().time() > deadline
            if exclusive if error.holder == UP else is_late:
                raise
            sockets = (folder / "postgres" / "run").resolve()
            if error.holder == UP and await postgres_answers(readiness_check(sockets)):
                return url_at(sockets)
            if is_late:
                raise StartError(
                    f"The PostgreSQL of {folder} does not answer. If `gymlocker up` runs there "
                    "with DATABASE_URL, set it for this command, too; or else see "
                    "logs/postgres.log there."
                ) from error
        else:
            return None
        await asyncio.sleep(POLL)


def _log_in(folder: Path) -> Path:
    logs = folder.absolute() / "logs"
    logs.mkdir(mode=0o700, exist_ok=True)
    return logs / "postgres.log"


@asynccontextmanager
async def _started(folder: Path) -> AsyncIterator[str]:
    """Run PostgreSQL on the folder, whose lock the caller holds."""
    postgres = EmbeddedPostgres(folder / "postgres", log=_log_in(folder), report=_to_stderr)
    supervisor = Supervisor(_to_stderr)
    with postgres:
        try:
            await postgres.prepare()
            await supervisor.start(postgres.process())
            yield postgres.url()
        finally:
            await supervisor.stop()


def _to_stderr(line: str) -> None:
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)
