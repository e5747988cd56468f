"""Fixtures of the tests of services."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from server.programs.demo.transport import GrpcTransport
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
