"""A migrated database to bring LiftLog's rows into."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from server.libraries.database.migrations import migrate
from server.programs.local.temporary_postgres import TemporaryPostgres
from tests.libraries.database.conftest import make_database


@pytest.fixture(scope="session")
def migrated(postgres: TemporaryPostgres) -> str:
    async def create() -> str:
        url = await make_database(postgres, "from_sqlite")
        await migrate(url, None, lambda _: None)
        return url

    return asyncio.run(create())


@pytest.fixture
async def target(migrated: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to the database `migrated`, without users in it."""
    connection = await asyncpg.connect(migrated)
    await connection.execute("TRUNCATE users CASCADE")
    yield connection
    await connection.close()
