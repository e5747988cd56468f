"""SQL of the removal of expired rows."""

from typing import Any

from sqlalchemy import bindparam, func, select

from server.libraries.database.pool import Connection, Database
from server.libraries.database.statement import Statement
from server.services.system.retention import SWEEPS, Sweep, Sweeps

# Timeout of one batch. No request waits for it.
SWEEP_SECONDS = 20.0

_LOCK = Statement(select(func.pg_try_advisory_xact_lock(bindparam("key"))))


class SystemRepository:
    """Expired rows of the database."""

    def __init__(self, database: Database, sweeps: Sweeps = SWEEPS) -> None:
        self._database = database
        self._sweeps = sweeps

    async def sweep(self, max_rows: int) -> int:
        """Remove at most `max_rows` expired rows of each kind; return their number.

        Do nothing while another worker sweeps. The lock is held until the commit.
        """
        return sum([await self._sweep(kind, max_rows) for kind in self._sweeps.kinds])

    async def _sweep(self, kind: Sweep, max_rows: int) -> int:
        async def action(connection: Connection) -> int:
            if not await connection.fetchval(_LOCK.sql, self._sweeps.lock):
                return 0
            parameters: dict[str, Any] = {"max_rows": min(max_rows, kind.max_rows)}
            if kind.find is not None:
                found = await connection.fetch(kind.find.sql, *kind.find.arguments(parameters))
                parameters["ids"] = [row["id"] for row in found]
            arguments = kind.delete.arguments(parameters)
            return len(await connection.fetch(kind.delete.sql, *arguments))

        return await self._database.transact(action, seconds=SWEEP_SECONDS)
