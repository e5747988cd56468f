"""SQLAlchemy's engine for migrations, connected by asyncpg as the server's own pool is.

asyncpg reads the URL in both places, so that what works here works there: hosts, sockets, TLS.
"""

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

CONNECT_SECONDS = 10


def sqlalchemy_engine(url: str) -> AsyncEngine:
    """An engine without a pool for `url` (postgresql://…)."""

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(url, timeout=CONNECT_SECONDS)

    return create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
