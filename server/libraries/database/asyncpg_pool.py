"""Set-up of asyncpg's connection pool."""

import asyncio
import datetime as dt
import struct
from typing import Any

import asyncpg

from server.libraries.database.connect import CONNECT_SECONDS, connect

# The day from which PostgreSQL counts.
_EPOCH = dt.date(2000, 1, 1).toordinal()


def make_pool(url: str, size: int) -> asyncpg.Pool:
    """Return a pool that connects on first use; open it with `async with` or `await`."""
    return asyncpg.create_pool(
        url,
        min_size=0,
        max_size=size,
        connect=_connect,
        reset=_skip_reset,
        server_settings={"application_name": "gymlocker"},
    )


async def _connect(dsn: str | None = None, **options: Any) -> asyncpg.Connection:
    connection = await connect(dsn or "", timeout=CONNECT_SECONDS, **options)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await _set_date_codec(connection)
    except BaseException:
        # close() would wait for the server.
        connection.terminate()
        raise
    return connection


async def _set_date_codec(connection: asyncpg.Connection) -> None:
    """Store date.min and date.max as dates; asyncpg would store infinities."""
    await connection.set_type_codec(
        "date",
        schema="pg_catalog",
        format="binary",
        encoder=lambda date: struct.pack("!i", date.toordinal() - _EPOCH),
        decoder=lambda data: dt.date.fromordinal(struct.unpack("!i", data)[0] + _EPOCH),
    )


async def _skip_reset(_: object) -> None:
    """Skip asyncpg's reset, which is a round trip: no statement leaves session state."""
