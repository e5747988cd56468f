"""Requests that name themselves and are sent again, over every way to call."""

import asyncio
from uuid import UUID, uuid4

import asyncpg
from grpc import StatusCode
from gymlocker.v2 import inbox_pb2, share_pb2

from tests.support.client import Client, User, item_of, refused


def named_item(
    user: User, name: str, payload: bytes = b"payload"
) -> share_pb2.CreateSharedItemRequest:
    request = item_of(user, payload)
    request.request_id = name
    return request


class TestCreateSharedItem:
    """The same request stores one item; another one of the same name is refused."""

    async def test_a_repeated_request_returns_the_same_id(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        user = await client.new_user()
        request = named_item(user, str(uuid4()))
        ids = {(await client.shares.CreateSharedItem(request)).id for _ in range(3)}
        assert len(ids) == 1
        stored = "SELECT count(*) FROM shared_items WHERE user_id = $1"
        assert await database.fetchval(stored, UUID(user.id)) == 1
        assert (await client.shared_item(ids.pop())).encrypted_payload == request.encrypted_payload

    async def test_of_several_at_once_one_is_stored(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        user = await client.new_user()
        request = named_item(user, str(uuid4()))
        calls = [client.shares.CreateSharedItem(request) for _ in range(8)]
        assert len({reply.id for reply in await asyncio.gather(*calls)}) == 1
        stored = "SELECT count(*) FROM shared_items WHERE user_id = $1"
        assert await database.fetchval(stored, UUID(user.id)) == 1

    async def test_another_item_of_the_same_name_is_refused(self, client: Client) -> None:
        user = await client.new_user()
        await client.shares.CreateSharedItem(named_item(user, "one", b"first"))
        with refused(StatusCode.ALREADY_EXISTS):
            await client.shares.CreateSharedItem(named_item(user, "one", b"second"))

    async def test_names_are_of_one_user(self, client: Client) -> None:
        ann, bob = await client.new_user(), await client.new_user()
        ids = {
            (await client.shares.CreateSharedItem(named_item(user, "one"))).id
            for user in (ann, bob)
        }
        assert len(ids) == 2

    async def test_after_a_day_a_name_may_be_used_again(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        user = await client.new_user()
        first = await client.shares.CreateSharedItem(named_item(user, "one", b"first"))
        await a_day_later(database, user)
        second = await client.shares.CreateSharedItem(named_item(user, "one", b"second"))
        assert first.id != second.id
        again = await client.shares.CreateSharedItem(named_item(user, "one", b"second"))
        assert again.id == second.id

    async def test_a_name_that_is_too_long_is_refused(self, client: Client) -> None:
        user = await client.new_user()
        await client.shares.CreateSharedItem(named_item(user, "n" * 64))
        with refused(StatusCode.INVALID_ARGUMENT, "request_id"):
            await client.shares.CreateSharedItem(named_item(user, "n" * 65))


class TestPutInboxMessage:
    """The same name and the same chunks are one message; nobody can stop another's by a name."""

    async def test_a_repeated_message_is_delivered_once(self, client: Client) -> None:
        user = await client.new_user()
        for _ in range(3):
            await put(client, user, "key", b"a", b"b")
        (message,) = await client.take_messages(user)
        assert list(message.encrypted_message) == [b"a", b"b"]
        # Also after it was read, for the reply of the first may have been lost.
        await put(client, user, "key", b"a", b"b")
        assert await client.take_messages(user) == []

    async def test_of_several_at_once_one_is_delivered(self, client: Client) -> None:
        user = await client.new_user()
        await asyncio.gather(*(put(client, user, "key", b"a") for _ in range(8)))
        assert len(await client.take_messages(user)) == 1

    async def test_what_differs_is_another_message(self, client: Client) -> None:
        ann, bob = await client.new_user(), await client.new_user()
        chunks: list[tuple[bytes, ...]] = [(b"ab",), (b"a", b"b"), (b"ab", b""), (b"", b"ab")]
        for one in chunks:
            await put(client, ann, "key", *one)
            await put(client, ann, "other", *one)
            await put(client, bob, "key", *one)
        assert len(await client.take_messages(ann)) == 2 * len(chunks)
        assert len(await client.take_messages(bob)) == len(chunks)

    async def test_without_a_name_each_is_a_message(self, client: Client) -> None:
        user = await client.new_user()
        for _ in range(2):
            await put(client, user, "", b"a")
        assert len(await client.take_messages(user)) == 2

    async def test_after_a_day_a_name_may_be_used_again(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        user = await client.new_user()
        await put(client, user, "key", b"a")
        await a_day_later(database, user)
        await put(client, user, "key", b"a")
        assert len(await client.take_messages(user)) == 2

    async def test_nobody_there_is_not_found(self, client: Client) -> None:
        with refused(StatusCode.NOT_FOUND):
            await client.inbox.PutInboxMessage(
                inbox_pb2.PutInboxMessageRequest(
                    to_user_id=str(uuid4()), encrypted_message=[b"a"], idempotency_key="key"
                )
            )

    async def test_a_name_that_is_too_long_is_refused(self, client: Client) -> None:
        user = await client.new_user()
        with refused(StatusCode.INVALID_ARGUMENT, "idempotency_key"):
            await put(client, user, "k" * 65, b"a")


async def put(client: Client, to: User, name: str, *chunks: bytes) -> None:
    """Sends a message by this name."""
    request = inbox_pb2.PutInboxMessageRequest(
        to_user_id=to.id, encrypted_message=chunks, idempotency_key=name
    )
    await client.inbox.PutInboxMessage(request)


async def a_day_later(database: asyncpg.Connection, user: User) -> None:
    """Makes the user's names as old as a day."""
    await database.execute(
        "UPDATE request_keys SET expiry = expiry - interval '1 day' WHERE user_id = $1",
        UUID(user.id),
    )
