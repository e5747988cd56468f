"""The SQL of the server's own housekeeping: asking the database, removing what has expired."""

from sqlalchemy import bindparam, func, literal, select

from server.database.engine import Connection, Database
from server.database.statement import Statement
from server.system.sweeps import SWEEPS, Sweeps

_PING = Statement(select(literal(1)))
_LOCK = Statement(select(func.pg_try_advisory_xact_lock(bindparam("key"))))


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
