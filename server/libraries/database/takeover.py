"""Recognises what a database holds before anything is changed in it.

A database is empty, or a LiftLog server's, or Gymlocker's own. Anything else is refused, and the
message names the difference.
"""

from dataclasses import dataclass
from enum import Enum

from sqlalchemy import Connection, MetaData, inspect, text

from server.errors import StartError
from server.libraries.database import liftlog_schema
from server.libraries.database.schema_diff import differences_from

# Tables that may stand beside ours and say nothing about whose database this is.
_BYSTANDERS = {"alembic_version", "__EFMigrationsHistory", "spatial_ref_sys"}


@dataclass(frozen=True)
class Branch:
    """A line of migrations whose tables live together."""

    name: str
    baseline: str
    tables: MetaData


FEED = Branch("feed", "feed_0001", liftlog_schema.feed)
RATE_LIMITS = Branch("rate_limits", "rate_limits_0001", liftlog_schema.rate_limits)


class Found(Enum):
    """What a database holds of a branch."""

    NOTHING = "nothing"
    LIFTLOG = "a LiftLog server's tables"
    GYMLOCKER = "Gymlocker's tables"


def recognise(connection: Connection, branch: Branch, heads: set[str]) -> Found:
    """Says what the database holds of `branch`.

    `heads` are the revisions that Alembic has on record there. Raises StartError, naming every
    difference, if the tables are neither LiftLog's nor ours.
    """
    if any(head.startswith(f"{branch.name}_") for head in heads):
        return Found.GYMLOCKER
    present = set(inspect(connection).get_table_names())
    if present.isdisjoint(branch.tables.tables):
        _refuse_strangers(present)
        return Found.NOTHING
    differences = differences_from(connection, branch.tables)
    if differences:
        raise StartError(
            "This database is neither empty nor that of an up-to-date LiftLog server, and was "
            f"left as it is: {'; '.join(differences)}. "
            "Update the LiftLog server it belongs to first, or give an empty database."
        )
    return Found.LIFTLOG


def _refuse_strangers(present: set[str]) -> None:
    known = set(liftlog_schema.feed.tables) | set(liftlog_schema.rate_limits.tables) | _BYSTANDERS
    strangers = sorted(present - known)
    if strangers and present.isdisjoint(known - _BYSTANDERS):
        raise StartError(
            "This database holds something else, and was left as it is: "
            f"{_listed('table', strangers)}. Give an empty database, or a LiftLog server's."
        )


def require_values(connection: Connection, expected: MetaData) -> None:
    """Makes required columns required. LiftLog's own are: this changes nothing there."""
    for table in expected.sorted_tables:
        for found in inspect(connection).get_columns(table.name):
            if found["nullable"] and not table.c[found["name"]].nullable:
                change = f"ALTER TABLE {table.name} ALTER {found['name']} SET NOT NULL"
                connection.execute(text(change))


def _listed(noun: str, names: list[str], most: int = 5) -> str:
    shown = ", ".join(names[:most]) + (", …" if len(names) > most else "")
    return f"{noun}{'s' if len(names) > 1 else ''} {shown}"
