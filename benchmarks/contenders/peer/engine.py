"""SQLAlchemy engine with the pool size and connection settings of Gymlocker."""

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from benchmarks.contenders.pool import POOL_SIZE
from server.libraries.database.connect import CONNECT_SECONDS
from server.libraries.database.statement import CALL_SECONDS


def make_engine(url: str) -> AsyncEngine:
    """Return an engine for `url` (postgresql://…), which asyncpg parses."""

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
