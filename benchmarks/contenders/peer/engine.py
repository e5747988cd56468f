"""SQLAlchemy's engine, with a pool as large as our own server's, and connections like its own."""

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from benchmarks.contenders.pool import POOL_SIZE
from server.libraries.database.connect import CONNECT_SECONDS
from server.libraries.database.statement import CALL_SECONDS


def make_engine(url: str) -> AsyncEngine:
    """An engine for `url` (postgresql://…), which asyncpg reads."""

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(
            url,
            timeout=CONNECT_SECONDS,
            command_timeout=CALL_SECONDS,
            server_settings={"application_name": "gymlocker"},
        )

    return create_async_engine(
        "postgresql+asyncpg://", async_creator=connect, pool_size=POOL_SIZE, max_overflow=0
    )
