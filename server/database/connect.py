"""SQLAlchemy's engine for migrations, connected by asyncpg as the server's own pool is.

asyncpg reads the URL in both places, so that what works here works there: hosts, sockets, TLS.
"""

from urllib.parse import parse_qs, urlsplit

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

CONNECT_SECONDS = 10


def place_of(url: str) -> str:
    """Where a database is, for people: " at host:port", without user and password.

    Empty if nobody knows, or if what looks like the host may be a piece of the password.
    """
    parts = urlsplit(url)
    if "@" in f"{parts.path}{parts.query}{parts.fragment}":
        return ""
    host = parts.netloc.rpartition("@")[2] or parse_qs(parts.query).get("host", [""])[0]
    return f" at {host}" if host else ""


def sqlalchemy_engine(url: str) -> AsyncEngine:
    """An engine without a pool for `url` (postgresql://…)."""

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(url, timeout=CONNECT_SECONDS)

    return create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
