"""Whether a database takes writes, found out without writing a row.

A server that cannot be written to answers all the same, and `SELECT 1` tells nothing about it.
"""

import time
from contextlib import suppress

import asyncpg
from sqlalchemy import func, select

from server.errors import Unavailable, disk_full
from server.libraries.database.errors import read_only
from server.libraries.database.pool import Connection, Database
from server.libraries.database.statement import Statement

# A database that hangs is found out soon.
SECONDS = 2.0
# A disk that was full is tried no oftener.
DISK_SECONDS = 5.0

# On a standby it is always on.
_IS_READ_ONLY = Statement(
    select(func.current_setting("transaction_read_only") == "on"), seconds=SECONDS
)
# Takes 100 KB of the disk until the end of the transaction.
_MAKE = "CREATE TEMPORARY TABLE gymlocker_disk_probe (words text) ON COMMIT DROP"
_FILL = "INSERT INTO gymlocker_disk_probe SELECT md5(n::text) FROM generate_series(1, 2000) n"


class Writability:
    """Looks at one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._disk_tried = 0.0

    async def require(self) -> None:
        """Returns if the database takes writes.

        Raises Unavailable, or ResourceExhausted while its disk is full.
        """
        asked = time.monotonic()
        try:
            row = await self._database.fetch_one(_IS_READ_ONLY)
        except Unavailable:
            # Busy is not away: others had their answers while this one waited for its turn.
            if self._database.answered < asked:
                raise
            return
        if row is not None and row[0]:
            await self._database.renew_connections()
            raise read_only()
        if self._database.disk_full:
            await self._require_room()

    async def _require_room(self) -> None:
        """Raises ResourceExhausted until something can be stored again."""
        now = time.monotonic()
        if now - self._disk_tried < DISK_SECONDS:
            raise disk_full()
        self._disk_tried = now
        # Who may make no temporary tables finds out by the next thing to be stored.
        with suppress(asyncpg.InsufficientPrivilegeError):
            await self._database.transact(_fill, seconds=SECONDS)
        self._database.disk_full = False


async def _fill(connection: Connection) -> None:
    await connection.execute(_MAKE)
    await connection.execute(_FILL)
