"""The pool of connections that the server has, too: no contender wins by its connections."""

import asyncpg

from server.libraries.database.asyncpg_pool import make_pool as make_our_pool
from server.libraries.settings import Settings

POOL_SIZE: int = Settings.model_fields["database_pool_size"].default


def make_pool(url: str) -> asyncpg.Pool:
    """A pool of the size that the server's has by default."""
    return make_our_pool(url, POOL_SIZE)
