"""Recognises what a database holds before anything is changed in it.

A database is empty, or a LiftLog server's, or Gymlocker's own. Anything else is refused, and the
message names the difference.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Inspector, MetaData, inspect

from server.database import liftlog
from server.errors import StartError

# Tables that may stand beside ours and say nothing about whose database this is.
_BYSTANDERS = {"alembic_version", "__EFMigrationsHistory", "spatial_ref_sys"}


@dataclass(frozen=True)
class Branch:
    """A line of migrations whose tables live together."""

    name: str
    baseline: str
    tables: MetaData


FEED = Branch("feed", "feed_0001", liftlog.feed)
RATE_LIMITS = Branch("rate_limits", "rate_limits_0001", liftlog.rate_limits)


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
    differences = list(_differences(connection, branch.tables))
    if differences:
        raise StartError(
            "This database is neither empty nor that of an up-to-date LiftLog server, and was "
            f"left as it is: {'; '.join(differences)}. "
            "Update the LiftLog server it belongs to first, or give an empty database."
        )
    return Found.LIFTLOG


def _refuse_strangers(present: set[str]) -> None:
    known = set(liftlog.feed.tables) | set(liftlog.rate_limits.tables) | _BYSTANDERS
    strangers = sorted(present - known)
    if strangers and present.isdisjoint(known - _BYSTANDERS):
        raise StartError(
            "This database holds something else, and was left as it is: "
            f"{_listed('table', strangers)}. Give an empty database, or a LiftLog server's."
        )


def _differences(connection: Connection, expected: MetaData) -> list[str]:
    context = MigrationContext.configure(
        connection, opts={"include_object": _is_compared, "compare_type": True}
    )
    found: list[str] = []
    for change in compare_metadata(context, expected):
        # Alembic groups the changes of one column in a list.
        for operation in change if isinstance(change, list) else [change]:
            if sentence := _sentence(operation):
                found.append(sentence)
    return sorted(found) + _key_differences(inspect(connection), expected)


def _is_compared(
    item: Any, _name: str | None, kind: str, reflected: bool, compare_to: Any | None
) -> bool:
    """Additional tables, indexes and constraints do no harm; an additional column may."""
    return not reflected or compare_to is not None or kind == "column"


def _sentence(operation: tuple[Any, ...]) -> str | None:
    """Says what one of Alembic's operations, which would mend the database, stands for."""
    match operation:
        case ("add_table", table):
            return f"table {table.name} is missing"
        case ("add_column", _, table, column):
            return f"column {table}.{column.name} is missing"
        case ("remove_column", _, table, column):
            return f"column {table}.{column.name} is not LiftLog's"
        case ("modify_type", _, table, column, _, found, expected):
            return f"column {table}.{column} is {found}, not {expected}"
        case ("modify_nullable", _, table, column, _, _, True):
            return f"column {table}.{column} must allow NULL"
        case ("modify_nullable", *_):
            # The second migration requires a value.
            return None
        case ("add_index", index):
            return f"index {index.name} is missing or of other columns"
        case ("add_fk", constraint):
            return f"foreign key {constraint.name} is missing or of another kind"
        case (("remove_index" | "remove_fk"), _):
            # The other half of a pair: the one that is to be added instead is named above.
            return None
        case (name, *rest):
            return f"{name} {' '.join(str(part) for part in rest)}"
        case _:
            raise AssertionError(f"not an operation of Alembic: {operation}")


def _key_differences(inspector: Inspector, expected: MetaData) -> list[str]:
    """Compares primary keys, which Alembic does not."""
    return [
        f"primary key of {table.name} is not ({', '.join(columns)})"
        for table in expected.sorted_tables
        if inspector.has_table(table.name)
        and inspector.get_pk_constraint(table.name)["constrained_columns"]
        != (columns := [column.name for column in table.primary_key])
    ]


def _listed(noun: str, names: list[str], most: int = 5) -> str:
    shown = ", ".join(names[:most]) + (", …" if len(names) > most else "")
    return f"{noun}{'s' if len(names) > 1 else ''} {shown}"
