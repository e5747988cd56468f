"""Concurrent large responses, which a worker builds one at a time."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import grpc
import pytest
from gymlocker.v2 import user_pb2

from server.libraries.rpc.large_responses import LARGE_BYTES
from tests.support.client import KIB, Client, follow, many_users
from tests.support.events import insert_events
from tests.support.stack import Stack

pytestmark = pytest.mark.extended

PICTURE = bytes(2000 * KIB)
PAYLOAD = bytes(15 * KIB)


@pytest.fixture
async def large_client(stack: Stack) -> AsyncIterator[Client]:
    """Return a client that accepts messages of any size."""
    options = [("grpc.max_receive_message_length", -1)]
    async with grpc.aio.insecure_channel(stack.address, options) as channel:
        yield Client(channel)


async def test_returns_large_pictures_to_all_clients(
    large_client: Client, database: asyncpg.Connection
) -> None:
    ids = await many_users(database, 4)
    await database.execute(
        "UPDATE users SET encrypted_profile_picture = $1 WHERE id = ANY($2)", PICTURE, ids[1:]
    )
    request = user_pb2.GetUsersRequest(ids=[str(user_id) for user_id in ids])
    for response in await asyncio.gather(*(large_client.users.GetUsers(request) for _ in range(6))):
        assert not response.users[str(ids[0])].HasField("encrypted_profile_picture")
        for user_id in ids[1:]:
            assert response.users[str(user_id)].encrypted_profile_picture == PICTURE


async def test_returns_a_large_feed_to_all_clients(
    large_client: Client, database: asyncpg.Connection
) -> None:
    user = await large_client.new_user()
    secret = await large_client.new_secret(user)
    count = LARGE_BYTES // len(PAYLOAD) + 10
    await insert_events(database, user.id, PAYLOAD, count)
    responses = await asyncio.gather(
        *(large_client.feed(follow(user.id, secret)) for _ in range(6))
    )
    assert [len(response.events) for response in responses] == [count] * 6
