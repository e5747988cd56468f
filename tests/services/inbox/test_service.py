"""InboxService, over every transport."""

import asyncio
from collections import Counter
from uuid import UUID, uuid4

import asyncpg
import grpc
import pytest
from grpc import StatusCode
from gymlocker.v2 import inbox_pb2

from tests.support.client import (
    EVERY_BYTE,
    KIB,
    SOME_UUID,
    Client,
    User,
    many_users,
    refused,
    with_password,
)
from tests.support.idempotency import age_request_keys
from tests.support.stack import Stack


def texts(messages: list[inbox_pb2.InboxMessage]) -> list[bytes]:
    return [b"".join(message.encrypted_message) for message in messages]


async def _read(client: Client, user: User) -> list[bytes]:
    return texts(await client.take_messages(user))


async def put_once(client: Client, to: User, key: str, *chunks: bytes) -> None:
    """Send a message with an idempotency key."""
    request = inbox_pb2.PutInboxMessageRequest(
        to_user_id=to.id, encrypted_message=chunks, idempotency_key=key
    )
    await client.inbox.PutInboxMessage(request)


class TestPutInboxMessage:
    async def test_stores_message_at_its_limits_chunk_by_chunk(self, client: Client) -> None:
        user = await client.new_user()
        chunks = [EVERY_BYTE * 3 + bytes([number]) * 256 for number in range(20)]
        assert {len(chunk) for chunk in chunks} == {KIB}
        await client.send(user.id, *chunks)
        (message,) = await client.take_messages(user)
        assert list(message.encrypted_message) == chunks
        assert message.id == str(UUID(message.id))

    async def test_accepts_empty_chunks(self, client: Client) -> None:
        user = await client.new_user()
        await client.send(user.id, b"", b"x", b"")
        (message,) = await client.take_messages(user)
        assert list(message.encrypted_message) == [b"", b"x", b""]

    @pytest.mark.parametrize(
        ("chunks", "field"),
        [
            ([], "encrypted_message"),
            ([b"x"] * 21, "encrypted_message"),
            ([b"x", bytes(KIB + 1)], "encrypted_message[1]"),
        ],
        ids=["none", "21 chunks", "1 KiB and a byte"],
    )
    async def test_rejects_invalid_message(
        self, client: Client, chunks: list[bytes], field: str
    ) -> None:
        with refused(StatusCode.INVALID_ARGUMENT, field):
            await client.send(SOME_UUID, *chunks)

    async def test_rejects_unknown_or_invalid_recipient(self, client: Client) -> None:
        with refused(StatusCode.NOT_FOUND):
            await client.send(SOME_UUID, b"message")
        with refused(StatusCode.INVALID_ARGUMENT, "to_user_id"):
            await client.send("not-a-uuid", b"message")


class TestRepeatedPutInboxMessage:
    """Requests with an idempotency key, which may be sent again."""

    async def test_delivers_the_message_once(self, client: Client) -> None:
        user = await client.new_user()
        for _ in range(3):
            await put_once(client, user, "key", b"a", b"b")
        (message,) = await client.take_messages(user)
        assert list(message.encrypted_message) == [b"a", b"b"]
        # Even after it was read, since the first response may have been lost.
        await put_once(client, user, "key", b"a", b"b")
        assert await client.take_messages(user) == []

    async def test_delivers_one_message_for_concurrent_requests(self, client: Client) -> None:
        user = await client.new_user()
        await asyncio.gather(*(put_once(client, user, "key", b"a") for _ in range(8)))
        assert len(await client.take_messages(user)) == 1

    async def test_delivers_different_messages_with_the_same_key(self, client: Client) -> None:
        ann, bob = await client.new_user(), await client.new_user()
        chunks: list[tuple[bytes, ...]] = [(b"ab",), (b"a", b"b"), (b"ab", b""), (b"", b"ab")]
        for one in chunks:
            await put_once(client, ann, "key", *one)
            await put_once(client, ann, "other", *one)
            await put_once(client, bob, "key", *one)
        assert len(await client.take_messages(ann)) == 2 * len(chunks)
        assert len(await client.take_messages(bob)) == len(chunks)

    async def test_delivers_each_message_without_a_key(self, client: Client) -> None:
        user = await client.new_user()
        for _ in range(2):
            await put_once(client, user, "", b"a")
        assert len(await client.take_messages(user)) == 2

    async def test_accepts_used_key_after_a_day(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        user = await client.new_user()
        await put_once(client, user, "key", b"a")
        await age_request_keys(database, user)
        await put_once(client, user, "key", b"a")
        assert len(await client.take_messages(user)) == 2

    async def test_returns_not_found_for_unknown_recipient(self, client: Client) -> None:
        with refused(StatusCode.NOT_FOUND):
            await client.inbox.PutInboxMessage(
                inbox_pb2.PutInboxMessageRequest(
                    to_user_id=str(uuid4()), encrypted_message=[b"a"], idempotency_key="key"
                )
            )

    async def test_rejects_key_of_over_64_characters(self, client: Client) -> None:
        user = await client.new_user()
        with refused(StatusCode.INVALID_ARGUMENT, "idempotency_key"):
            await put_once(client, user, "k" * 65, b"a")


class TestGetInboxMessages:
    async def test_returns_messages_once_oldest_first(self, client: Client) -> None:
        user = await client.new_user()
        sent = [b"%d" % number for number in range(10)]
        for text in sent:
            await client.send(user.id.upper(), text)
        assert texts(await client.take_messages(user)) == sent
        assert await client.take_messages(user) == []
        await client.send(user.id, b"later")
        assert texts(await client.take_messages(user)) == [b"later"]

    async def test_returns_messages_of_liftlogs_server_first(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        user = await client.new_user()
        await client.send(user.id, b"new")
        await database.execute(
            """
            INSERT INTO user_inbox_items (id, user_id, encrypted_message, received)
            VALUES (gen_random_uuid(), $1, ARRAY['old'::bytea], NULL)
            """,
            UUID(user.id),
        )
        assert texts(await client.take_messages(user)) == [b"old", b"new"]

    async def test_returns_null_chunk_as_empty(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        user = await client.new_user()
        await client.send(user.id, b"before")
        await database.execute(
            """
            INSERT INTO user_inbox_items (id, user_id, encrypted_message)
            VALUES (gen_random_uuid(), $1, ARRAY[NULL, 'end'::bytea])
            """,
            UUID(user.id),
        )
        await client.send(user.id, b"after")
        messages = await client.take_messages(user)
        assert [list(message.encrypted_message) for message in messages] == [
            [b"before"],
            [b"", b"end"],
            [b"after"],
        ]

    async def test_leaves_other_inboxes(self, client: Client, database: asyncpg.Connection) -> None:
        user = await client.new_user()
        (other,) = await many_users(database, 1)
        await client.send(str(other), b"other's")
        assert await client.take_messages(user) == []
        left = await database.fetchval(
            "SELECT encrypted_message FROM user_inbox_items WHERE user_id = $1", other
        )
        assert left == [b"other's"]

    async def test_keeps_messages_if_the_password_is_wrong(self, client: Client) -> None:
        user = await client.new_user()
        await client.send(user.id, b"message")
        with refused(StatusCode.UNAUTHENTICATED):
            await client.take_messages(with_password(user, "wrong"))
        assert texts(await client.take_messages(user)) == [b"message"]

    async def test_splits_large_inbox_into_responses_under_4_mib(
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
                FROM generate_series(1, 400) AS n
                """,
                UUID(user.id),
                bytes(KIB),
            )
            numbers: list[int] = []
            parts = 0
            while messages := await client.take_messages(user):
                numbers += [int(message.encrypted_message[0]) for message in messages]
                parts += 1
        assert numbers == list(range(1, 401))
        assert parts > 1

    async def test_delivers_each_message_to_one_of_50_concurrent_readers(
        self, client: Client
    ) -> None:
        user = await client.new_user()
        early = [b"early %02d" % number for number in range(30)]
        late = [b"late %02d" % number for number in range(30)]
        for text in early:
            await client.send(user.id, text)

        async def send_late() -> None:
            for text in late:
                await client.send(user.id, text)

        sending = asyncio.create_task(send_late())
        responses = await asyncio.gather(*(_read(client, user) for _ in range(50)))
        await sending
        responses.append(await _read(client, user))
        assert Counter(text for response in responses for text in response) == Counter(early + late)
        # One writer sent all messages in alphabetical order.
        assert all(response == sorted(response) for response in responses)
