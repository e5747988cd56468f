"""Looks at the databases: are they there, of what age, and what time is it there."""

from datetime import UTC, datetime

import asyncpg

from server.database.connect import place_of
from server.database.engine import Database
from server.database.revision import newer_schema, require_current_schema
from server.errors import StartError
from server.operation.finding import Finding, fault, ok
from server.settings import HouseSettings, Settings, load

PATIENCE = 10.0
# By how much the clock may differ from the database's: tokens and quotas go by both.
SKEW_SECONDS = 5.0
OLDEST_POSTGRESQL = 140000


async def databases() -> list[Finding]:
    """What there is to say about both."""
    if load(HouseSettings).database_url is None:
        return [ok("database", "none is set: `gymlocker up` runs its own")]
    try:
        settings = load(Settings)
    except StartError:
        return []  # said already
    found = await _database("database", settings.database_url, ())
    if settings.rate_limit_database_url:
        found += await _database(
            "database of rate limits", settings.rate_limit_database_url, ("rate_limits",)
        )
    return found


async def _database(subject: str, url: str, branches: tuple[str, ...]) -> list[Finding]:
    try:
        connection = await asyncpg.connect(url, timeout=PATIENCE)
    except asyncpg.InvalidAuthorizationSpecificationError:
        return [fault(subject, "refuses the user or the password", "Correct DATABASE_URL.")]
    except asyncpg.InvalidCatalogNameError:
        return [fault(subject, "does not exist", "Create it: createdb, or CREATE DATABASE.")]
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        why = f"is out of reach{place_of(url)} ({type(error).__name__})"
        return [fault(subject, why, "Is PostgreSQL running, and is DATABASE_URL right?")]
    try:
        version = await _version(subject, connection)
        clock = await _clock(subject, connection)
    finally:
        await connection.close()
    return [version, clock, await _schema(subject, url, branches)]


async def _version(subject: str, connection: asyncpg.Connection) -> Finding:
    version = await connection.fetchval("SHOW server_version")
    if int(await connection.fetchval("SHOW server_version_num")) < OLDEST_POSTGRESQL:
        return fault(subject, f"is PostgreSQL {version}", "Upgrade it to 14 or newer.")
    return ok(subject, f"is PostgreSQL {version}, and answers")


async def _clock(subject: str, connection: asyncpg.Connection) -> Finding:
    asked = datetime.now(UTC)
    told: datetime = await connection.fetchval("SELECT clock_timestamp()")
    ahead = max((told - datetime.now(UTC)).total_seconds(), (asked - told).total_seconds())
    if ahead > SKEW_SECONDS:
        text = f"has a clock that differs from this machine's by {ahead:.0f} s"
        return fault(subject, text, "Run a time service (NTP) on both.")
    return ok(subject, "has the same time as this machine")


async def _schema(subject: str, url: str, branches: tuple[str, ...]) -> Finding:
    async with Database(url, pool_size=1) as database:
        try:
            await require_current_schema(database, *branches)
        except StartError:
            return fault(subject, "is not up to date", "Run: gymlocker migrate")
        if newer := await newer_schema(database):
            text = f"was migrated by a newer Gymlocker ({', '.join(newer)})"
            return fault(subject, text, "Update this one.")
    return ok(subject, "is up to date")
