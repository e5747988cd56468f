"""LiftLog's tables in a SQLite file: compared with LiftLog's schema, their rows checked.

The names of tables and columns are those of LiftLog's PostgreSQL database: see liftlog_schema.py.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Table

from server.errors import StartError
from server.libraries.database import liftlog_schema
from server.libraries.database.sqlite.file import SqliteFile, opened
from server.libraries.database.sqlite.values import conversion

# Users first.
TABLES: tuple[Table, ...] = tuple(liftlog_schema.feed.sorted_tables)
USERS = liftlog_schema.feed.tables["users"]
# Columns that identify a user and a password.
IDENTITY = ("id", "user_lookup", "hashed_password", "salt")

Row = tuple[Any, ...]

_MAX_SHOWN = 80
_MAX_NAMED = 5
_PROGRESS_ROWS = 20_000


class LiftLogFile:
    """The rows of LiftLog's tables in a file. Every read checks what it returns."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def rows(self, table: Table, columns: tuple[str, ...] = ()) -> Iterator[Row]:
        """Yield the converted rows of a table, with all columns or with `columns`, in order.

        Raises StartError, naming the row and the column of a value that does not fit.
        """
        names = columns or tuple(column.name for column in table.columns)
        conversions = [conversion(table.c[name]) for name in names]
        key = names.index("id")
        listed = ", ".join(f'"{name}"' for name in names)
        for row in self._file.connection.execute(f'SELECT {listed} FROM "{table.name}"'):  # noqa: S608
            try:
                yield tuple([convert(one) for convert, one in zip(conversions, row, strict=True)])
            except ValueError:
                raise self._misfit(table, names, row, row[key]) from None

    def _misfit(self, table: Table, names: tuple[str, ...], row: Row, key: object) -> StartError:
        for name, value in zip(names, row, strict=True):
            try:
                conversion(table.c[name])(value)
            except ValueError as error:
                return self._wrong_row(table, key, f"{name} {error}")
        raise AssertionError("all of its values fit")

    def _wrong_row(self, table: Table, key: object, problem: str) -> StartError:
        return StartError(
            f"{self._file.path}, table {table.name}, row with the id {_shown(key)}: {problem}. "
            "Nothing was brought in. Correct or delete this row, then try again."
        )

    def check(self, report: Callable[[str], None]) -> None:
        """Read all rows. Raises StartError if a value does not fit or a row has no user."""
        users: set[UUID] = set()
        for table in TABLES:
            owner = "id" if table is USERS else "user_id"
            for count, (user_id, key) in enumerate(self._owners(table, owner), 1):
                if table is USERS:
                    users.add(user_id)
                elif user_id not in users:
                    raise self._wrong_row(table, key, "user_id is of no user in the file")
                if count % _PROGRESS_ROWS == 0:
                    report(f"checked {count:,} rows of {table.name}")

    def _owners(self, table: Table, owner: str) -> Iterator[tuple[UUID, object]]:
        names = [column.name for column in table.columns]
        owner_at, key_at = names.index(owner), names.index("id")
        for row in self.rows(table):
            yield row[owner_at], row[key_at]

    def require_unchanged(self) -> None:
        """Raise StartError if the file was changed since it was opened."""
        self._file.require_unchanged()


@contextmanager
def opened_liftlog(path: Path) -> Iterator[LiftLogFile]:
    """Open LiftLog's database. Raises StartError if it is not LiftLog's, or cannot be read."""
    with opened(path) as file:
        differences = list(_differences(file))
        if differences:
            listed = "; ".join(differences[:_MAX_NAMED])
            more = "; …" if len(differences) > _MAX_NAMED else ""
            raise StartError(
                f"{file.path} is not the database of an up-to-date LiftLog server: {listed}{more}. "
                "Nothing was brought in. Name the file in LiftLog's Database__ConnectionString "
                "(Data Source=…), or update LiftLog's server and start it once."
            )
        yield LiftLogFile(file)


def _differences(file: SqliteFile) -> Iterator[str]:
    """Yield a phrase for each missing table, and for each missing or unknown column."""
    found = file.connection.execute("PRAGMA main.table_list").fetchall()
    # Neither views nor virtual tables.
    present = {name for _, name, kind, *_ in found if kind == "table"}
    for table in TABLES:
        if table.name not in present:
            yield f"table {table.name} is missing"
            continue
        columns = file.connection.execute(f'PRAGMA main.table_xinfo("{table.name}")').fetchall()
        names = {name for _, name, _, _, _, _, computed in columns if not computed}
        known = [column.name for column in table.columns]
        yield from (f"column {table.name}.{name} is missing" for name in known if name not in names)
        yield from (
            f"column {table.name}.{_shown(name)} is not LiftLog's"
            for _, name, *_ in columns
            if name not in known
        )


def _shown(value: object) -> str:
    """Return an id for a message: shortened, and without characters that control a terminal."""
    text = value if isinstance(value, str) and value.isprintable() else repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
