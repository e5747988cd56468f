"""The SQL of the server's own housekeeping: is the database there, and what has expired."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Table,
    all_,
    bindparam,
    delete,
    func,
    literal,
    select,
    tuple_,
)
from sqlalchemy.sql.dml import ReturningDelete

from server.database.engine import Connection, Database
from server.database.schema import (
    password_failures,
    rate_limit_consumptions,
    request_keys,
    sessions,
    shared_items,
    user_events,
)
from server.database.statement import Statement

_PING = Statement(select(literal(1)))
_LOCK = Statement(select(func.pg_try_advisory_xact_lock(bindparam("key"))))


def _delete(table: Table, is_expired: ColumnElement[bool]) -> ReturningDelete[int]:
    """Deletes a limited number of expired rows, passing over those that are being written."""
    key = list(table.primary_key)
    expired = (
        select(*key)
        .where(is_expired)
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
    tuple(
        Statement(_delete(table, table.c.expiry <= func.now()))
        for table in (user_events, shared_items, sessions, request_keys)
    ),
)
_a_day_ago = func.now() - literal(dt.timedelta(days=1))
# In a database that may be another one.
RATE_LIMIT_SWEEPS = Sweeps(
    6_847_102_955_318_006,
    (
        Statement(_delete(password_failures, password_failures.c.forgiven <= func.now())),
        # None of its requests counts any more.
        Statement(
            _delete(rate_limit_consumptions, _a_day_ago >= all_(rate_limit_consumptions.c.requests))
        ),
    ),
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
