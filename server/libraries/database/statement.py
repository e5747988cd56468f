"""SQL that SQLAlchemy builds and asyncpg runs.

A statement is compiled once, when its module is imported. A call only orders its parameters, which
costs no more than hand-written SQL: see docs/decisions/0003-core-on-asyncpg.md.
"""

from typing import Any, cast

from sqlalchemy import Dialect
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler

# Timeout of a call on a database that hangs.
CALL_SECONDS = 7.0

_DIALECT: Dialect = dialect()  # type: ignore[no-untyped-call]


class Statement:
    """One compiled SQL statement with named parameters.

    Arguments take the types of asyncpg: uuid.UUID (or its text), str, bytes, aware datetimes, and
    lists of them. `seconds` is the timeout of a call with it, the wait for a connection included.
    """

    def __init__(self, clause: ClauseElement, *, seconds: float = CALL_SECONDS) -> None:
        self.seconds = seconds
        compiled = cast(SQLCompiler, clause.compile(dialect=_DIALECT))
        self.sql = str(compiled)
        if "[POSTCOMPILE_" in self.sql:
            raise ValueError(f"its text depends on its values; compare with any_(): {self.sql}")
        self._names: list[str] = list(compiled.positiontup or [])
        self._constants: dict[str, Any] = {
            name: value for name, value in compiled.params.items() if value is not None
        }

    def arguments(self, parameters: dict[str, Any]) -> list[Any]:
        """Return the values of `parameters` in the order of the statement's placeholders."""
        values = {**self._constants, **parameters} if self._constants else parameters
        return [values[name] for name in self._names]
