"""Connection pool of the contenders, equal to Gymlocker's so that it makes no difference."""

import asyncpg

from server.libraries.database.asyncpg_pool import make_pool as make_our_pool
from server.libraries.settings import Settings

POOL_SIZE: int = Settings.model_fields["database_pool_size"].default


def make_pool(url: str) -> asyncpg.Pool:
    """Return a pool with Gymlocker's default size."""
    return make_our_pool(url, POOL_SIZE)
