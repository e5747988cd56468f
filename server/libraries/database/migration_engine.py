"""SQLAlchemy's engine for migrations, connected by asyncpg as the server's own pool is.

asyncpg reads the URL in both places, so that what works here works there: hosts, sockets, TLS.
"""

from functools import partial

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from server.libraries.database.connect import connect

CONNECT_SECONDS = 10.0


def sqlalchemy_engine(url: str) -> AsyncEngine:
    """An engine without a pool for `url` (postgresql://…)."""
    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=partial(connect, url, timeout=CONNECT_SECONDS),
        poolclass=NullPool,
    )
