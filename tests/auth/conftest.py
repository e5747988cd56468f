"""What the tests of accounts share: somebody who calls in one way alone."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from server.demo.transport import GrpcTransport, channel_over
from tests.feed.client import Client, User
from tests.feed.users import UserPool
from tests.house import House


@pytest.fixture
async def one_client(
    house: House, user_pool: UserPool, database: asyncpg.Connection
) -> AsyncIterator[Client]:
    """The stubs over gRPC alone."""
    transport, taken = GrpcTransport(house.url), list[User]()
    channel = channel_over(transport)

    async def user() -> User:
        taken.append(await user_pool.take(database, Client(channel).created_user))
        return taken[-1]

    yield Client(channel, user)
    user_pool.give_back(taken)
    await transport.close()
