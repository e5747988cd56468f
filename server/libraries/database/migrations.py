"""Migration of a database to the current schema: creation, takeover or upgrade.

One process at a time migrates a database; others wait for it. A migration that cannot get its locks
fails (LOCK_TIMEOUT) instead of delaying running calls; it can be repeated at any time.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script.revision import ResolutionError
from alembic.util import CommandError
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from server.errors import StartError
from server.libraries.common.paths import MIGRATIONS
from server.libraries.database.connect import CONNECT_ERRORS, place_of
from server.libraries.database.migration_engine import sqlalchemy_engine
from server.libraries.database.takeover import (
    FEED,
    RATE_LIMITS,
    Branch,
    Found,
    recognise,
    require_values,
)

# An arbitrary number, the same in all of Gymlocker's processes.
ADVISORY_LOCK = 6_847_102_955_318_004
ADVISORY_LOCK_SECONDS = 120
ADVISORY_LOCK_PAUSE = 0.2
LOCK_TIMEOUT = "10s"
STATEMENT_TIMEOUT = "30min"

Report = Callable[[str], None]


async def migrate(url: str, rate_limit_url: str | None, report: Report) -> None:
    """Migrate the database at `url`, and the one of the rate limits if it is another.

    `report` gets a sentence for each step. Raises StartError if a database is unreachable, belongs
    to another application, or is newer than this release.
    """
    await _migrate_one("DATABASE_URL", url, (FEED, RATE_LIMITS), report)
    if rate_limit_url and rate_limit_url != url:
        await _migrate_one("RATE_LIMIT_DATABASE_URL", rate_limit_url, (RATE_LIMITS,), report)


async def _migrate_one(
    setting: str, url: str, branches: tuple[Branch, ...], report: Report
) -> None:
    engine = sqlalchemy_engine(url)
    try:
        async with _connected(engine, setting, url) as connection:
            await connection.run_sync(_upgrade, branches, report)
    except DBAPIError as error:
        raise StartError(
            f"A migration failed: {error.orig}. Nothing is lost: fix that and run it again."
        ) from error
    except CommandError as error:
        if not isinstance(error.__cause__, ResolutionError):
            raise
        raise StartError(
            f"The database was migrated by a newer Gymlocker ({error}). Update this one."
        ) from error
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, branches: tuple[Branch, ...], report: Report) -> None:
    _lock(connection)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    before = _heads(connection)
    found = {branch: recognise(connection, branch, before) for branch in branches}
    if set(found.values()) == {Found.NOTHING}:
        # Without this line, a takeover of the wrong database would look like a success.
        schema = inspect(connection).default_schema_name
        report(f"The database is empty (schema {schema}): creating tables.")
    connection.rollback()
    for branch in branches:
        if found[branch] is Found.LIFTLOG:
            report(f"Adopting a LiftLog server's tables as they are ({branch.name}).")
            require_values(connection, branch.tables)
            command.stamp(config, branch.baseline)
            connection.commit()
        command.upgrade(config, f"{branch.name}@head")
        connection.commit()
    after = _heads(connection)
    report("The database is up to date." if after != before else "The database was up to date.")


def _lock(connection: Connection) -> None:
    """Take a lock that lasts as long as the connection.

    The lock is polled: a statement that waits for it inside PostgreSQL would block CREATE INDEX
    CONCURRENTLY of the process that holds it.
    """
    connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
    connection.execute(text(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'"))
    connection.commit()
    attempt = text("SELECT pg_try_advisory_lock(:key)").bindparams(key=ADVISORY_LOCK)
    deadline = time.monotonic() + ADVISORY_LOCK_SECONDS
    while time.monotonic() < deadline:
        acquired = connection.execute(attempt).scalar_one()
        connection.commit()
        if acquired:
            return
        time.sleep(ADVISORY_LOCK_PAUSE)
    raise StartError("Another process is migrating this database. Try again when it is done.")


def _heads(connection: Connection) -> set[str]:
    heads = set(MigrationContext.configure(connection).get_current_heads())
    connection.rollback()
    return heads


@asynccontextmanager
async def _connected(engine: AsyncEngine, setting: str, url: str) -> AsyncIterator[AsyncConnection]:
    try:
        connection = await engine.connect()
    except (*CONNECT_ERRORS, ValueError, DBAPIError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise StartError(
            f"The database is unreachable{place_of(url)}: {cause or 'no answer'}. "
            f"Check {setting} and that PostgreSQL runs."
        ) from error
    async with aclosing(connection):
        yield connection
