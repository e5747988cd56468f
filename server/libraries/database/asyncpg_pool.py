"""asyncpg's pool of connections, set up as we need it."""

import asyncio
import datetime as dt
import struct
from typing import Any

import asyncpg

from server.libraries.database.connect import CONNECT_SECONDS, connect

# The day from which PostgreSQL counts.
_EPOCH = dt.date(2000, 1, 1).toordinal()


def make_pool(url: str, size: int) -> asyncpg.Pool:
    """A pool that connects when first used; to be opened with `async with` or `await`."""
    return asyncpg.create_pool(
        url,
        min_size=0,
        max_size=size,
        connect=_connected,
        reset=_keep_as_it_is,
        server_settings={"application_name": "gymlocker"},
    )


async def _connected(dsn: str | None = None, **options: Any) -> asyncpg.Connection:
    connection = await connect(dsn or "", timeout=CONNECT_SECONDS, **options)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await _keep_dates(connection)
    except BaseException:
        # Where asyncpg would say goodbye, and wait for an answer.
        connection.terminate()
        raise
    return connection


async def _keep_dates(connection: asyncpg.Connection) -> None:
    """Stores the first and the last date that Python knows as these, not as an infinity."""
    await connection.set_type_codec(
        "date",
        schema="pg_catalog",
        format="binary",
        encoder=lambda date: struct.pack("!i", date.toordinal() - _EPOCH),
        decoder=lambda data: dt.date.fromordinal(struct.unpack("!i", data)[0] + _EPOCH),
    )


async def _keep_as_it_is(_: object) -> None:
    """Replaces asyncpg's reset on release, a round trip: nothing here leaves session state."""
