"""Reading an inbox by lease and acknowledgement, over every transport."""

import asyncio
from collections import Counter
from uuid import UUID, uuid4

import asyncpg
import grpc
import pytest
from grpc import StatusCode
from gymlocker.v2 import inbox_pb2

from tests.services.inbox.leases import end_leases
from tests.support.client import (
    KIB,
    SOME_UUID,
    Client,
    User,
    bearer,
    many_users,
    nobody,
    refused,
    with_password,
)
from tests.support.stack import Stack


async def send_all(client: Client, user: User, texts: list[bytes]) -> None:
    for text in texts:
        await client.send(user.id, text)


def texts_of(
    messages: list[inbox_pb2.LeasedInboxMessage] | list[inbox_pb2.InboxMessage],
) -> list[bytes]:
    return [b"".join(message.encrypted_message) for message in messages]


class TestLeaseInboxMessages:
    async def test_returns_oldest_messages_first(self, client: Client) -> None:
        user = await client.new_user()
        await send_all(client, user, [b"%d" % number for number in range(5)])
        assert texts_of(await client.lease_messages(user, at_most=2)) == [b"0", b"1"]
        assert texts_of(await client.lease_messages(user, at_most=2)) == [b"2", b"3"]
        assert texts_of(await client.lease_messages(user)) == [b"4"]

    async def test_returns_messages_of_liftlogs_server_first(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        user = await client.new_user()
        await client.send(user.id, b"new")
        await database.execute(
            """
            INSERT INTO user_inbox_items (id, user_id, encrypted_message, received)
            VALUES (gen_random_uuid(), $1, ARRAY['old'::bytea, NULL], NULL)
            """,
            UUID(user.id),
        )
        old, new = await client.lease_messages(user)
        assert list(old.encrypted_message) == [b"old", b""]
        assert list(new.encrypted_message) == [b"new"]
        assert (old.deliveries, new.deliveries) == (1, 1)

    async def test_hides_leased_messages_from_all_readers(self, client: Client) -> None:
        user = await client.new_user()
        await client.send(user.id, b"leased")
        await client.lease_messages(user)
        await client.send(user.id, b"later")
        assert texts_of(await client.take_messages(user)) == [b"later"]
        assert await client.lease_messages(user) == []

    async def test_returns_messages_again_after_the_lease(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        user = await client.new_user()
        await send_all(client, user, [b"a", b"b"])
        first = await client.lease_messages(user, at_most=1)
        for deliveries in (2, 3):
            await end_leases(database, user.id)
            again = await client.lease_messages(user, at_most=1)
            assert [message.id for message in again] == [message.id for message in first]
            assert again[0].deliveries == deliveries
        await end_leases(database, user.id)
        assert texts_of(await client.take_messages(user)) == [b"a", b"b"]

    @pytest.mark.parametrize("seconds", [10, 3600])
    async def test_leases_for_the_requested_time(
        self, client: Client, database: asyncpg.Connection, seconds: int
    ) -> None:
        user = await client.new_user()
        await client.send(user.id, b"message")
        query = "SELECT clock_timestamp()"
        before = await database.fetchval(query)
        await client.lease_messages(user, seconds=seconds)
        after = await database.fetchval(query)
        until = await database.fetchval(
            "SELECT leased_until FROM user_inbox_items WHERE user_id = $1", UUID(user.id)
        )
        assert (until - after).total_seconds() <= seconds <= (until - before).total_seconds()

    async def test_leaves_what_does_not_fit_into_a_response_unleased(
        self, stack: Stack, database: asyncpg.Connection
    ) -> None:
        # A channel with the default limit of 4 MiB for a response.
        async with grpc.aio.insecure_channel(stack.address) as channel:
            client = Client(channel)
            user = await client.new_user()
            await database.execute(
                """
                INSERT INTO user_inbox_items (id, user_id, encrypted_message)
                SELECT gen_random_uuid(), $1, n::text::bytea || array_fill($2::bytea, '{19}')
                FROM generate_series(1, 300) AS n
                """,
                UUID(user.id),
                bytes(KIB),
            )
            first = await client.lease_messages(user)
            second = await client.lease_messages(user)
        assert 0 < len(first) < 300
        numbers = [int(message.encrypted_message[0]) for message in [*first, *second]]
        assert numbers == list(range(1, 301))

    async def test_leaves_other_inboxes(self, client: Client, database: asyncpg.Connection) -> None:
        user = await client.new_user()
        (other,) = await many_users(database, 1)
        await client.send(str(other), b"other's")
        assert await client.lease_messages(user) == []
        leased_until = await database.fetchval(
            "SELECT leased_until FROM user_inbox_items WHERE user_id = $1", other
        )
        assert leased_until is None

    async def test_leases_nothing_if_the_password_is_wrong(self, client: Client) -> None:
        user = await client.new_user()
        await client.send(user.id, b"message")
        with refused(StatusCode.UNAUTHENTICATED):
            await client.lease_messages(with_password(user, "wrong"))
        (message,) = await client.lease_messages(user)
        assert message.deliveries == 1

    async def test_accepts_access_token(self, client: Client) -> None:
        user = await client.new_user()
        await client.send(user.id, b"message")
        request = inbox_pb2.LeaseInboxMessagesRequest(
            user_id=user.id, lease_seconds=10, max_messages=1
        )
        metadata = bearer(await client.login(user))
        response = await client.inbox.LeaseInboxMessages(request, metadata=metadata)
        assert texts_of(list(response.inbox_messages)) == [b"message"]

    async def test_rejects_unknown_user(self, client: Client) -> None:
        with refused(StatusCode.NOT_FOUND):
            await client.lease_messages(nobody())

    @pytest.mark.parametrize(
        ("seconds", "at_most", "field"),
        [
            (0, 1, "lease_seconds"),
            (9, 1, "lease_seconds"),
            (3601, 1, "lease_seconds"),
            (-10, 1, "lease_seconds"),
            (10, 0, "max_messages"),
            (10, 1001, "max_messages"),
            (10, -1, "max_messages"),
        ],
    )
    async def test_rejects_lease_out_of_range(
        self, client: Client, seconds: int, at_most: int, field: str
    ) -> None:
        user = User(id=SOME_UUID, password="password")
        with refused(StatusCode.INVALID_ARGUMENT, field):
            await client.lease_messages(user, seconds=seconds, at_most=at_most)

    async def test_leases_each_message_to_one_of_30_concurrent_readers(
        self, client: Client
    ) -> None:
        user = await client.new_user()
        sent = [b"%02d" % number for number in range(30)]
        await send_all(client, user, sent)
        responses = await asyncio.gather(
            *(client.lease_messages(user, at_most=4) for _ in range(30))
        )
        responses.append(await client.lease_messages(user))
        assert Counter(text for one in responses for text in texts_of(one)) == Counter(sent)


class TestAckInboxMessages:
    async def test_removes_messages(self, client: Client, database: asyncpg.Connection) -> None:
        user = await client.new_user()
        await send_all(client, user, [b"a", b"b", b"c"])
        a, _, c = await client.lease_messages(user)
        await client.acknowledge(user, a.id, c.id.upper(), c.id)
        await end_leases(database, user.id)
        assert texts_of(await client.lease_messages(user)) == [b"b"]

    async def test_may_be_repeated(self, client: Client) -> None:
        user = await client.new_user()
        await send_all(client, user, [b"a", b"b"])
        a, b = await client.lease_messages(user)
        await client.acknowledge(user, a.id)
        await client.acknowledge(user, a.id)
        # Together with one that is still there, and one that never was.
        await client.acknowledge(user, a.id, b.id, str(uuid4()))
        assert await client.lease_messages(user) == []

    async def test_counts_after_the_lease(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        user = await client.new_user()
        await client.send(user.id, b"message")
        (message,) = await client.lease_messages(user)
        await end_leases(database, user.id)
        await client.acknowledge(user, message.id)
        assert await client.take_messages(user) == []

    async def test_counts_if_another_device_has_leased_the_message_since(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        user = await client.new_user()
        await client.send(user.id, b"message")
        (message,) = await client.lease_messages(user)
        await end_leases(database, user.id)
        await client.lease_messages(user)
        await client.acknowledge(user, message.id)
        await end_leases(database, user.id)
        assert await client.lease_messages(user) == []

    async def test_ignores_messages_of_others(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        user, other = await client.new_user(), await client.new_user()
        await client.send(other.id, b"other's")
        (message,) = await client.lease_messages(other)
        await client.acknowledge(user, message.id)
        await end_leases(database, other.id)
        assert texts_of(await client.take_messages(other)) == [b"other's"]

    async def test_removes_nothing_if_the_password_is_wrong(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        user = await client.new_user()
        await client.send(user.id, b"message")
        (message,) = await client.lease_messages(user)
        with refused(StatusCode.UNAUTHENTICATED):
            await client.acknowledge(with_password(user, "wrong"), message.id)
        await end_leases(database, user.id)
        assert texts_of(await client.take_messages(user)) == [b"message"]

    async def test_accepts_access_token(self, client: Client) -> None:
        user = await client.new_user()
        await client.send(user.id, b"message")
        (message,) = await client.lease_messages(user)
        request = inbox_pb2.AckInboxMessagesRequest(user_id=user.id, ids=[message.id])
        metadata = bearer(await client.login(user))
        await client.inbox.AckInboxMessages(request, metadata=metadata)

    async def test_accepts_1000_ids(self, client: Client) -> None:
        user = await client.new_user()
        await client.send(user.id, b"message")
        (message,) = await client.lease_messages(user)
        await client.acknowledge(user, *(str(uuid4()) for _ in range(999)), message.id)
        assert await client.lease_messages(user) == []

    async def test_rejects_unknown_user(self, client: Client) -> None:
        with refused(StatusCode.NOT_FOUND):
            await client.acknowledge(nobody(), SOME_UUID)

    @pytest.mark.parametrize(
        ("ids", "field"),
        [
            ([], "ids"),
            ([SOME_UUID] * 1001, "ids"),
            ([SOME_UUID, "not-a-uuid"], "ids[1]"),
            ([""], "ids[0]"),
        ],
        ids=["none", "1001", "no UUID", "empty"],
    )
    async def test_rejects_invalid_ids(self, client: Client, ids: list[str], field: str) -> None:
        with refused(StatusCode.INVALID_ARGUMENT, field):
            await client.acknowledge(User(id=SOME_UUID, password="password"), *ids)
