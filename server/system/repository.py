"""The SQL of the server's own housekeeping: is the database there, and what has expired."""

from dataclasses import dataclass

from sqlalchemy import Table, bindparam, delete, func, literal, select, tuple_
from sqlalchemy.sql.dml import ReturningDelete

from server.database.engine import Connection, Database
from server.database.schema import password_failures, sessions, shared_items, user_events
from server.database.statement import Statement

_PING = Statement(select(literal(1)))
_LOCK = Statement(select(func.pg_try_advisory_xact_lock(bindparam("key"))))


def _delete_expired(table: Table, expiry: str = "expiry") -> ReturningDelete[int]:
    """Deletes a limited number of expired rows, passing over those that are being written."""
    key = list(table.primary_key)
    expired = (
        select(*key)
        .where(table.c[expiry] <= func.now())
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
        .cte("expired")
    )
    return delete(table).where(tuple_(*key).in_(select(expired))).returning(literal(1))


@dataclass(frozen=True)
class Sweeps:
    """What one sweep removes. For `lock` any number will do that all workers use for it alone."""

    lock: int
    statements: tuple[Statement, ...]


SWEEPS = Sweeps(
    6_847_102_955_318_005,
    tuple(Statement(_delete_expired(table)) for table in (user_events, shared_items, sessions)),
)
# In a database that may be another one.
RATE_LIMIT_SWEEPS = Sweeps(
    6_847_102_955_318_006, (Statement(_delete_expired(password_failures, "forgiven")),)
)


class SystemRepository:
    """Housekeeping in the database."""

    def __init__(self, database: Database, sweeps: Sweeps = SWEEPS) -> None:
        self._database = database
        self._sweeps = sweeps

    async def ping(self) -> None:
        """Returns if the database answers, raises Unavailable if not."""
        await self._database.execute(_PING)

    async def sweep(self, most: int) -> int:
        """Removes at most `most` expired rows of each kind; returns how many there were.

        Does nothing while another worker sweeps: the lock is held until the commit.
        """
        return sum([await self._sweep(statement, most) for statement in self._sweeps.statements])

    async def _sweep(self, statement: Statement, most: int) -> int:
        async def action(connection: Connection) -> int:
            if not await connection.fetchval(_LOCK.sql, self._sweeps.lock):
                return 0
            arguments = statement.arguments({"most": most})
            return len(await connection.fetch(statement.sql, *arguments))

        return await self._database.transact(action)
