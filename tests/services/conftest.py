"""Fixtures of the tests of services.

`pool` and `connection` lead to a separate migrated database, for tests that affect all rows.
"""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from server.libraries.database.migrations import migrate
from server.libraries.database.pool import Database
from server.programs.demo.transport import GrpcTransport
from server.programs.local.temporary_postgres import TemporaryPostgres
from tests.libraries.database.conftest import make_database
from tests.support.client import Client
from tests.support.stack import Stack
from tests.support.users import UserPool


@pytest.fixture
async def one_client(
    stack: Stack, user_pool: UserPool, database: asyncpg.Connection
) -> AsyncIterator[Client]:
    """Yield the stubs over gRPC alone."""
    transport = GrpcTransport(stack.url)
    async with user_pool.client(transport, database) as client:
        yield client
    await transport.close()


async def _migrated(postgres: TemporaryPostgres) -> str:
    url = await make_database(postgres, "housekeeping")
    await migrate(url, None, lambda _: None)
    return url


@pytest.fixture(scope="session")
def housekeeping(postgres: TemporaryPostgres) -> str:
    """Return the URL of the database."""
    return asyncio.run(_migrated(postgres))


@pytest.fixture
async def connection(housekeeping: str) -> AsyncIterator[asyncpg.Connection]:
    """Yield a connection to the database, without users in it."""
    connection = await asyncpg.connect(housekeeping)
    await connection.execute(
        "TRUNCATE users, invitations, network_keys, password_failures, rate_limit_consumptions"
        " CASCADE"
    )
    yield connection
    await connection.close()


@pytest.fixture
async def pool(housekeeping: str, connection: asyncpg.Connection) -> AsyncIterator[Database]:
    """Yield the connection pool of a server."""
    async with Database(housekeeping, pool_size=4) as database:
        yield database
