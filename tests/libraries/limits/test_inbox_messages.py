"""Limits of messages to an inbox: no network can fill it, or block it for others."""

from uuid import UUID, uuid4

import asyncpg
from grpc import StatusCode
from gymlocker.v2 import inbox_pb2

from tests.libraries.limits.conftest import INBOX_MESSAGES, MESSAGES_PER_NETWORK, World
from tests.libraries.limits.refusals import refused_for
from tests.support.client import refused


def texts(messages: list[inbox_pb2.InboxMessage]) -> list[bytes]:
    return [b"".join(message.encrypted_message) for message in messages]


class TestRateLimit:
    async def test_limits_messages_of_a_network_to_one_inbox(self, world: World) -> None:
        network, other = world.network(), world.network()
        ann, bob = [await world.client().created_user() for _ in range(2)]
        for number in range(MESSAGES_PER_NETWORK):
            await network.client(number).send(ann.id, b"%d" % number)
            assert len(await world.client().take_messages(ann)) == 1
        with refused_for("TOO_MANY_MESSAGES"):
            await network.client(200).send(ann.id, b"one too many")
        await network.client().send(bob.id, b"to another")
        await other.client().send(ann.id, b"from another")
        assert texts(await world.client().take_messages(ann)) == [b"from another"]

    async def test_keeps_no_count_for_unknown_recipient(
        self, world: World, connection: asyncpg.Connection
    ) -> None:
        client, count = world.client(), "SELECT count(*) FROM password_failures"
        before = await connection.fetchval(count)
        for _ in range(3):
            with refused(StatusCode.NOT_FOUND):
                await client.send(str(uuid4()), b"message")
        assert await connection.fetchval(count) == before


class TestFullInbox:
    async def test_evicts_messages_of_the_network_with_the_most(self, world: World) -> None:
        loud, quiet = world.network(), world.network()
        user = await world.client().created_user()
        assert INBOX_MESSAGES == 4
        for number in range(INBOX_MESSAGES):
            await loud.client(number).send(user.id, b"loud %d" % number)
        with refused_for("INBOX_FULL", seconds=3600):
            await loud.client().send(user.id, b"louder")
        for number in range(2):
            await quiet.client(number).send(user.id, b"quiet %d" % number)
        # Both networks have the same number now.
        with refused_for("INBOX_FULL", seconds=3600):
            await quiet.client().send(user.id, b"quiet 2")
        await world.client().send(user.id, b"from a third network")
        assert await world.client().take_messages(user)

    async def test_keeps_the_oldest_messages_of_each_network(self, world: World) -> None:
        loud, quiet = world.network(), world.network()
        user = await world.client().created_user()
        for number in range(INBOX_MESSAGES):
            await loud.client().send(user.id, b"loud %d" % number)
        for number in range(2):
            await quiet.client().send(user.id, b"quiet %d" % number)
        left = texts(await world.client().take_messages(user))
        assert left == [b"loud 0", b"loud 1", b"quiet 0", b"quiet 1"]

    async def test_stores_rejected_message_when_it_is_sent_again(self, world: World) -> None:
        client = world.client()
        user = await client.created_user()
        for _ in range(INBOX_MESSAGES):
            await client.send(user.id, b"message")
        request = inbox_pb2.PutInboxMessageRequest(
            to_user_id=user.id, encrypted_message=[b"again"], idempotency_key="key"
        )
        with refused_for("INBOX_FULL", seconds=3600):
            await client.inbox.PutInboxMessage(request)
        await world.client().take_messages(user)
        # From elsewhere, since the rejected request counted for its network.
        await world.client().inbox.PutInboxMessage(request)
        assert texts(await world.client().take_messages(user)) == [b"again"]


class TestStoredNetwork:
    async def test_is_a_hash_of_the_network(
        self, world: World, connection: asyncpg.Connection
    ) -> None:
        network, other = world.network(), world.network()
        user = await world.client().created_user()
        for one in (network, network, other):
            await one.client().send(user.id, b"message")
        query = "SELECT network FROM user_inbox_items WHERE user_id = $1 ORDER BY received"
        first, second, third = [row[0] for row in await connection.fetch(query, UUID(user.id))]
        assert first == second != third
        assert {len(first), len(third)} == {16}
