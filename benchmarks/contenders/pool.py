"""asyncpg's pool, set up as the server sets up its own: no contender wins by its connections."""

import asyncpg

from server.database.engine import (
    CONNECT_SECONDS,
    STATEMENT_SECONDS,
    _keep_as_it_is,
    _keep_dates,
)
from server.settings import Settings

POOL_SIZE: int = Settings.model_fields["database_pool_size"].default


def make_pool(url: str) -> asyncpg.Pool:
    """A pool, to be opened with `async with`."""
    return asyncpg.create_pool(
        url,
        min_size=0,
        max_size=POOL_SIZE,
        timeout=CONNECT_SECONDS,
        command_timeout=STATEMENT_SECONDS,
        init=_keep_dates,
        reset=_keep_as_it_is,
        server_settings={"application_name": "gymlocker"},
    )
