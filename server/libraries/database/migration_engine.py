"""SQLAlchemy's engine for migrations, connected like the server's pool.

Both use asyncpg's reading of the URL, so hosts, sockets and TLS work in both or in neither.
"""

from functools import partial

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from server.libraries.database.connect import connect

CONNECT_SECONDS = 10.0


def sqlalchemy_engine(url: str) -> AsyncEngine:
    """Return an engine without a pool for `url` (postgresql://…)."""
    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=partial(connect, url, timeout=CONNECT_SECONDS),
        poolclass=NullPool,
    )
