"""Fixtures of the backups' tests: two owners, over each transport."""

from collections.abc import AsyncIterator

import asyncpg
import httpx2
import pytest
from grpc import aio

from tests.services.backup.owners import GrpcOwner, Owner, RestOwner
from tests.support.client import Client, User, bearer
from tests.support.stack import Stack
from tests.support.users import UserPool


@pytest.fixture
async def channel(stack: Stack) -> AsyncIterator[aio.Channel]:
    """Return a plain gRPC channel, for streams."""
    async with aio.insecure_channel(stack.address) as channel:
        yield channel


@pytest.fixture
async def users(
    channel: aio.Channel, user_pool: UserPool, database: asyncpg.Connection
) -> AsyncIterator[list[User]]:
    """Return two users."""
    client = Client(channel)
    taken = [await user_pool.take(database, client.created_user) for _ in range(2)]
    yield taken
    user_pool.give_back(taken)


@pytest.fixture(params=["grpc", "rest"])
async def owners(
    request: pytest.FixtureRequest,
    channel: aio.Channel,
    rest: httpx2.AsyncClient,
    users: list[User],
) -> list[Owner]:
    """Return two owners without backups."""

    async def owner_of(user: User) -> Owner:
        credentials = bearer(await Client(channel).login(user))
        if request.param == "grpc":
            return GrpcOwner(user, credentials, channel)
        return RestOwner(user, credentials, rest)

    return [await owner_of(user) for user in users]


@pytest.fixture
def owner(owners: list[Owner]) -> Owner:
    """Return an owner without backups."""
    return owners[0]


@pytest.fixture
def other(owners: list[Owner]) -> Owner:
    """Return another owner."""
    return owners[1]
