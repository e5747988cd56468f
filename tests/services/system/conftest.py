"""A migrated database of these tests' own: sweeping is about all that is in it."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from server.libraries.database.migrations import migrate
from server.libraries.database.pool import Database
from server.programs.local.temporary_postgres import ThrowawayPostgres
from tests.libraries.database.conftest import make_database


async def _made(postgres: ThrowawayPostgres) -> str:
    url = await make_database(postgres, "housekeeping")
    await migrate(url, None, lambda _: None)
    return url


@pytest.fixture(scope="session")
def housekeeping(postgres: ThrowawayPostgres) -> str:
    """The URL of the database."""
    return asyncio.run(_made(postgres))


@pytest.fixture
async def connection(housekeeping: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to the database, which has no users."""
    connection = await asyncpg.connect(housekeeping)
    await connection.execute(
        "TRUNCATE users, network_keys, password_failures, rate_limit_consumptions CASCADE"
    )
    yield connection
    await connection.close()


@pytest.fixture
async def pool(housekeeping: str, connection: asyncpg.Connection) -> AsyncIterator[Database]:
    """The server's way to the database."""
    async with Database(housekeeping, pool_size=4) as database:
        yield database
