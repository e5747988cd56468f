"""A check whether a database is writable, without writing a row.

`SELECT 1` succeeds on a read-only server, too.
"""

import time
from contextlib import suppress

import asyncpg
from sqlalchemy import func, select

from server.errors import Unavailable, disk_full
from server.libraries.database.errors import read_only
from server.libraries.database.pool import Connection, Database
from server.libraries.database.statement import Statement

# Short, to detect a database that hangs.
SECONDS = 2.0
# Shortest time between two attempts to write to a full disk.
DISK_SECONDS = 5.0

# On a standby it is always on.
_IS_READ_ONLY = Statement(
    select(func.current_setting("transaction_read_only") == "on"), seconds=SECONDS
)
# Needs 100 KB on the disk until the end of the transaction.
_MAKE = "CREATE TEMPORARY TABLE gymlocker_disk_probe (words text) ON COMMIT DROP"
_FILL = "INSERT INTO gymlocker_disk_probe SELECT md5(n::text) FROM generate_series(1, 2000) n"


class WriteCheck:
    """Check of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._disk_tried = 0.0

    async def require(self) -> None:
        """Raise Unavailable if the database is read-only, ResourceExhausted if its disk is full."""
        requested = time.monotonic()
        try:
            row = await self._database.fetch_one(_IS_READ_ONLY)
        except Unavailable:
            # Not unreachable but busy: other calls were answered while this one waited.
            if self._database.answered < requested:
                raise
            return
        if row is not None and row[0]:
            await self._database.renew_connections()
            raise read_only()
        if self._database.disk_full:
            await self._require_room()

    async def _require_room(self) -> None:
        """Raise ResourceExhausted until a write succeeds again."""
        now = time.monotonic()
        if now - self._disk_tried < DISK_SECONDS:
            raise disk_full()
        self._disk_tried = now
        # Without the privilege for temporary tables, the next write of a caller tells.
        with suppress(asyncpg.InsufficientPrivilegeError):
            await self._database.transact(_fill, seconds=SECONDS)
        self._database.disk_full = False


async def _fill(connection: Connection) -> None:
    await connection.execute(_MAKE)
    await connection.execute(_FILL)
