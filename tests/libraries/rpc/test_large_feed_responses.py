"""Replies that wait for one another, since a worker makes one large one at a time."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import grpc
import pytest
from gymlocker.v2 import user_pb2

from server.libraries.rpc.large_responses import LARGE_BYTES
from tests.support.client import KIB, Client, follow, many_users
from tests.support.stack import Stack

PICTURE = bytes(2000 * KIB)
PAYLOAD = bytes(15 * KIB)


@pytest.fixture
async def patient(stack: Stack) -> AsyncIterator[Client]:
    """A client that takes messages of any size."""
    options = [("grpc.max_receive_message_length", -1)]
    async with grpc.aio.insecure_channel(stack.address, options) as channel:
        yield Client(channel)


async def test_large_pictures_come_to_all_who_ask_at_once(
    patient: Client, database: asyncpg.Connection
) -> None:
    ids = await many_users(database, 4)
    await database.execute(
        "UPDATE users SET encrypted_profile_picture = $1 WHERE id = ANY($2)", PICTURE, ids[1:]
    )
    request = user_pb2.GetUsersRequest(ids=[str(user_id) for user_id in ids])
    for reply in await asyncio.gather(*(patient.users.GetUsers(request) for _ in range(6))):
        assert not reply.users[str(ids[0])].HasField("encrypted_profile_picture")
        for user_id in ids[1:]:
            assert reply.users[str(user_id)].encrypted_profile_picture == PICTURE


async def test_a_large_feed_comes_whole_to_all_who_ask_at_once(
    patient: Client, database: asyncpg.Connection
) -> None:
    user = await patient.new_user()
    secret = await patient.new_secret(user)
    count = LARGE_BYTES // len(PAYLOAD) + 10
    await database.execute(
        """
        INSERT INTO user_events (user_id, id, timestamp, last_accessed, expiry, encrypted_event,
                                 encryption_iv)
        SELECT $1, gen_random_uuid(), now(), now(), now() + interval '1 day', $2, '\\x00'
        FROM generate_series(1, $3)
        """,
        UUID(user.id),
        PAYLOAD,
        count,
    )
    replies = await asyncio.gather(*(patient.feed(follow(user.id, secret)) for _ in range(6)))
    assert [len(reply.events) for reply in replies] == [count] * 6
