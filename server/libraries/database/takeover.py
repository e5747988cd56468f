"""Recognition of a database before anything is changed in it.

A database is empty, a LiftLog server's, or Gymlocker's. Any other one is rejected with a message
that names the differences.
"""

from dataclasses import dataclass
from enum import Enum

from sqlalchemy import Connection, MetaData, inspect, text

from server.errors import StartError
from server.libraries.database import liftlog_schema
from server.libraries.database.schema_diff import differences_from

# Tables that may exist in any database.
_BYSTANDERS = {"alembic_version", "__EFMigrationsHistory", "spatial_ref_sys"}


@dataclass(frozen=True)
class Branch:
    """A branch of the migrations; its tables are always in one database."""

    name: str
    baseline: str
    tables: MetaData


FEED = Branch("feed", "feed_0001", liftlog_schema.feed)
RATE_LIMITS = Branch("rate_limits", "rate_limits_0001", liftlog_schema.rate_limits)


class Found(Enum):
    """Contents of a database for a branch."""

    NOTHING = "nothing"
    LIFTLOG = "a LiftLog server's tables"
    GYMLOCKER = "Gymlocker's tables"


def recognise(connection: Connection, branch: Branch, heads: set[str]) -> Found:
    """Return the contents of the database for `branch`.

    `heads` are the revisions that Alembic recorded there. Raises StartError with all differences if
    the tables are neither LiftLog's nor Gymlocker's.
    """
    if any(head.startswith(f"{branch.name}_") for head in heads):
        return Found.GYMLOCKER
    present = set(inspect(connection).get_table_names())
    if present.isdisjoint(branch.tables.tables):
        _reject_unknown(present)
        return Found.NOTHING
    differences = differences_from(connection, branch.tables)
    if differences:
        raise StartError(
            "This database is neither empty nor that of an up-to-date LiftLog server. Nothing was "
            f"changed. Differences: {'; '.join(differences)}. "
            "Update the LiftLog server first, or use an empty database."
        )
    return Found.LIFTLOG


def _reject_unknown(present: set[str]) -> None:
    known = set(liftlog_schema.feed.tables) | set(liftlog_schema.rate_limits.tables) | _BYSTANDERS
    strangers = sorted(present - known)
    if strangers and present.isdisjoint(known - _BYSTANDERS):
        raise StartError(
            f"This database belongs to another application ({_listed('table', strangers)}). "
            "Nothing was changed. Use an empty database, or a LiftLog server's."
        )


def require_values(connection: Connection, expected: MetaData) -> None:
    """Set NOT NULL on required columns. LiftLog's own migrations have done so already."""
    for table in expected.sorted_tables:
        for found in inspect(connection).get_columns(table.name):
            if found["nullable"] and not table.c[found["name"]].nullable:
                change = f"ALTER TABLE {table.name} ALTER {found['name']} SET NOT NULL"
                connection.execute(text(change))


def _listed(noun: str, names: list[str], most: int = 5) -> str:
    shown = ", ".join(names[:most]) + (", …" if len(names) > most else "")
    return f"{noun}{'s' if len(names) > 1 else ''} {shown}"
