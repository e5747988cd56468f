"""Differences between a database and a schema, in words.

Alembic compares most of it. This module compares the rest: primary keys, arrays, partial indexes,
and missing values of required columns.
"""

from collections.abc import Iterator
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import ARRAY, Connection, Inspector, MetaData, Table, inspect, literal, select


def differences_from(connection: Connection, expected: MetaData) -> list[str]:
    """Return a phrase for each difference of the database from `expected` that prevents its use.

    Additional tables, indexes and constraints are no difference, nor is a required column without
    NOT NULL that holds no NULL.
    """
    inspector = inspect(connection)
    found = sorted(_found_by_alembic(connection, expected))
    for table in expected.sorted_tables:
        if inspector.has_table(table.name):
            found += _of_primary_key(inspector, table)
            found += _of_lists(inspector, table)
            found += _of_partial_indexes(inspector, table)
            found += _of_missing_values(connection, table)
    return found


def _found_by_alembic(connection: Connection, expected: MetaData) -> Iterator[str]:
    context = MigrationContext.configure(
        connection, opts={"include_object": _is_compared, "compare_type": True}
    )
    for change in compare_metadata(context, expected):
        # Alembic groups the changes of one column in a list.
        for operation in change if isinstance(change, list) else [change]:
            if sentence := _sentence(operation):
                yield sentence


def _is_compared(
    _item: Any, _name: str | None, kind: str, reflected: bool, compare_to: Any | None
) -> bool:
    """Skip what exists only in the database, except for additional columns."""
    return not reflected or compare_to is not None or kind == "column"


def _sentence(operation: tuple[Any, ...]) -> str | None:
    """Describe the difference that one of Alembic's operations would remove."""
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
            return None
        case ("add_index", index):
            return f"index {index.name} is missing or of other columns"
        case ("add_fk", constraint):
            return f"foreign key {constraint.name} is missing or of another kind"
        case (("remove_index" | "remove_fk"), _):
            # Half of a replacement, whose other half is described above.
            return None
        case (name, *rest):
            return f"{name} {' '.join(str(part) for part in rest)}"
        case _:
            raise AssertionError(f"not an operation of Alembic: {operation}")


def _of_primary_key(inspector: Inspector, table: Table) -> Iterator[str]:
    columns = [column.name for column in table.primary_key]
    if inspector.get_pk_constraint(table.name)["constrained_columns"] != columns:
        yield f"primary key of {table.name} is not ({', '.join(columns)})"


def _of_lists(inspector: Inspector, table: Table) -> Iterator[str]:
    """Compare arrays, for Alembic takes bytea[] and bytea for the same type."""
    for column in inspector.get_columns(table.name):
        expected = table.c.get(column["name"])
        if expected is not None and isinstance(column["type"], ARRAY) != isinstance(
            expected.type, ARRAY
        ):
            yield f"column {expected} is {column['type']!r}, not {expected.type!r}"


def _of_partial_indexes(inspector: Inspector, table: Table) -> Iterator[str]:
    names = {index.name for index in table.indexes}
    for index in inspector.get_indexes(table.name):
        if index["name"] in names and "postgresql_where" in index.get("dialect_options", {}):
            yield f"index {index['name']} is of some rows only"


def _of_missing_values(connection: Connection, table: Table) -> Iterator[str]:
    for column in inspect(connection).get_columns(table.name):
        required = table.c.get(column["name"])
        if required is None or required.nullable or not column["nullable"]:
            continue
        missing = select(literal(1)).select_from(table).where(required.is_(None))
        if connection.scalar(select(missing.exists())):
            yield f"column {required} holds a NULL"
