"""Whether a database has the schema that this release needs, asked without loading Alembic."""

import asyncpg
import structlog
from sqlalchemy import column, select, table

from server.errors import StartError, Unavailable
from server.libraries.database.pool import Database
from server.libraries.database.statement import Statement

# The newest migration of each branch: its name, and a number that grows (a test compares).
NEEDED = {"feed": "feed_0012", "rate_limits": "rate_limits_0002"}

_log = structlog.get_logger("revision")

_GET = Statement(select(column("version_num")).select_from(table("alembic_version")))


async def require_current_schema(database: Database, *branches: str) -> None:
    """Raises StartError if the database answers and is older than this release in a branch.

    Without `branches`, in any.

    A database that is out of reach is no reason not to start, nor is a newer schema: each
    migration works with the release before it.
    """
    try:
        found = await _found(database)
    except Unavailable as error:
        _log.warning("schema not checked", error=type(error.__cause__).__name__)
        return
    if any(found.get(branch, "") < NEEDED[branch] for branch in branches or NEEDED):
        raise StartError("The database is not up to date. Run: gymlocker migrate")


async def newer_schema(database: Database) -> list[str]:
    """The migrations on record that only a newer release knows. Raises Unavailable."""
    found = await _found(database)
    return sorted(one for branch, one in found.items() if one > NEEDED.get(branch, ""))


async def _found(database: Database) -> dict[str, str]:
    """The newest migration of each branch, by its name."""
    try:
        rows = await database.fetch(_GET)
    except asyncpg.UndefinedTableError:
        rows = []
    return {revision.rpartition("_")[0]: revision for (revision,) in rows}
