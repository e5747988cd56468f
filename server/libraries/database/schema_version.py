"""A check that a database has the schema of this release, without loading Alembic."""

import asyncpg
import structlog
from sqlalchemy import column, select, table

from server.errors import StartError, Unavailable
from server.libraries.database.pool import Database
from server.libraries.database.statement import Statement

# The newest revision of each branch; names are compared, so their numbers grow. A test checks it.
NEEDED = {"feed": "feed_0019", "rate_limits": "rate_limits_0002"}

_log = structlog.get_logger("revision")

_GET = Statement(select(column("version_num")).select_from(table("alembic_version")))


async def require_current_schema(database: Database, *branches: str) -> None:
    """Raise StartError if the database is older than this release in one of `branches` (all).

    A worker starts without a reachable database, and with a newer schema, for each migration works
    with the release before it.
    """
    try:
        found = await _found(database)
    except Unavailable as error:
        _log.warning("schema_not_checked", error=type(error.__cause__).__name__)
        return
    if any(found.get(branch, "") < NEEDED[branch] for branch in branches or NEEDED):
        raise StartError("The database is not up to date. Run: gymlocker migrate")


async def newer_schema(database: Database) -> list[str]:
    """Return the applied migrations that only a newer release has. Raises Unavailable."""
    found = await _found(database)
    return sorted(one for branch, one in found.items() if one > NEEDED.get(branch, ""))


async def _found(database: Database) -> dict[str, str]:
    """Return the newest applied migration of each branch, by the name of the branch."""
    try:
        rows = await database.fetch(_GET)
    except asyncpg.UndefinedTableError:
        rows = []
    return {revision.rpartition("_")[0]: revision for (revision,) in rows}
