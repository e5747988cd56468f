"""SQL that SQLAlchemy builds and asyncpg runs.

A statement is compiled once, when its module is imported; a call only puts its parameters in
order. That costs as little as hand-written SQL: see docs/decisions/0003-core-on-asyncpg.md.
"""

from typing import Any, cast

from sqlalchemy import Dialect
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler

# A call waits no longer than this for a database that hangs.
CALL_SECONDS = 7.0

_DIALECT: Dialect = dialect()  # type: ignore[no-untyped-call]


class Statement:
    """One compiled SQL statement with named parameters.

    Arguments take the types of asyncpg: uuid.UUID (or its text), str, bytes, aware datetimes, and
    lists of them. `seconds` is how long a call may take with it, waiting for a connection included.
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
        """The values of `parameters` in the order of the statement's placeholders."""
        values = {**self._constants, **parameters} if self._constants else parameters
        return [values[name] for name in self._names]
