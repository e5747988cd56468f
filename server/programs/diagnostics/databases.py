"""Checks of the databases: connection, writes, version, clock, schema.

A PgBouncer in front of a database is checked too: statements are prepared once and reused, which
fails if it does not support prepared statements.
"""

import asyncio
from datetime import UTC, datetime

import asyncpg

from server.errors import GymlockerError, StartError
from server.libraries.database.connect import CONNECT_ERRORS, connect, place_of
from server.libraries.database.pool import Database
from server.libraries.database.schema_version import newer_schema, require_current_schema
from server.libraries.database.write_check import WriteCheck
from server.libraries.settings import LocalSettings, Settings, load
from server.programs.diagnostics.finding import Finding, fault, ok
from server.programs.diagnostics.pooler import keeps_prepared_statements

TIMEOUT = 10.0
SETTINGS = {
    "database": "DATABASE_URL",
    "database of rate limits": "RATE_LIMIT_DATABASE_URL",
}
UNPREPARED = "is behind a PgBouncer that does not support prepared statements"
PREPARE_ADVICE = (
    "In PgBouncer, set max_prepared_statements = 200 (from version 1.21 on), "
    "or pool_mode = session."
)
# Tokens and quotas depend on both clocks.
MAX_SKEW_SECONDS = 5.0
OLDEST_POSTGRESQL = 140000

WRITE_ADVICE = {"DISK_FULL": "Free space on its disk."}
OTHER_WRITE_ADVICE = (
    "Check whether it is a standby, or default_transaction_read_only is on; see its log."
)


async def check_databases() -> list[Finding]:
    """Check both databases."""
    if load(LocalSettings).database_url is None:
        return [ok("database", "is not set: `gymlocker up` runs its own")]
    try:
        settings = load(Settings)
    except StartError:
        return []  # reported with the settings
    found = await _database("database", settings.database_url, ())
    if settings.rate_limit_database_url:
        found += await _database(
            "database of rate limits", settings.rate_limit_database_url, ("rate_limits",)
        )
    return found


async def _database(subject: str, url: str, branches: tuple[str, ...]) -> list[Finding]:
    try:
        connection = await connect(url, timeout=TIMEOUT)
    except CONNECT_ERRORS as error:
        return [_unreachable(subject, url, error)]
    try:
        async with asyncio.timeout(TIMEOUT):
            if not await keeps_prepared_statements(url):
                return [fault(subject, UNPREPARED, PREPARE_ADVICE)]
        version = await _version(subject, connection)
        clock = await _clock(subject, connection)
    except CONNECT_ERRORS as error:
        return [_unreachable(subject, url, error)]
    finally:
        connection.terminate()
    async with Database(url, pool_size=1) as database:
        schema = await _schema(subject, database, branches)
        return [version, clock, await _writes(subject, database), schema]


def _unreachable(subject: str, url: str, error: Exception) -> Finding:
    setting = SETTINGS[subject]
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        return fault(subject, "rejects the user or the password", f"Correct {setting}.")
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return fault(subject, "does not exist", "Create it: createdb, or CREATE DATABASE.")
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        text = f"has no writable host{place_of(url)}"
        return fault(subject, text, f"Promote one of them, or add the primary to {setting}.")
    text = f"is unreachable{place_of(url)} ({type(error).__name__})"
    return fault(subject, text, f"Check that PostgreSQL is running and that {setting} is correct.")


async def _writes(subject: str, database: Database) -> Finding:
    # Make the check write, as it does after a write failed for lack of space.
    database.disk_full = True
    try:
        await WriteCheck(database).require()
    except GymlockerError as error:
        advice = WRITE_ADVICE.get(error.reason, OTHER_WRITE_ADVICE)
        return fault(subject, f"is not writable ({error.reason})", advice)
    return ok(subject, "is writable")


async def _version(subject: str, connection: asyncpg.Connection) -> Finding:
    version = await connection.fetchval("SHOW server_version")
    if int(await connection.fetchval("SHOW server_version_num")) < OLDEST_POSTGRESQL:
        return fault(subject, f"is PostgreSQL {version}", "Upgrade it to 14 or newer.")
    return ok(subject, f"is PostgreSQL {version}")


async def _clock(subject: str, connection: asyncpg.Connection) -> Finding:
    before = datetime.now(UTC)
    remote: datetime = await connection.fetchval("SELECT clock_timestamp()")
    skew = max((remote - datetime.now(UTC)).total_seconds(), (before - remote).total_seconds())
    if skew > MAX_SKEW_SECONDS:
        text = f"has a clock that differs from this machine's by {skew:.0f} s"
        return fault(subject, text, "Run a time service (NTP) on both machines.")
    return ok(subject, "has the same time as this machine")


async def _schema(subject: str, database: Database, branches: tuple[str, ...]) -> Finding:
    try:
        await require_current_schema(database, *branches)
    except StartError:
        return fault(subject, "is not up to date", "Run: gymlocker migrate")
    if newer := await newer_schema(database):
        text = f"was migrated by a newer Gymlocker ({', '.join(newer)})"
        return fault(subject, text, "Update Gymlocker.")
    return ok(subject, "is up to date")
