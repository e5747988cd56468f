"""WatchInbox over gRPC."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import asyncpg
import pytest
from grpc import StatusCode, aio
from gymlocker.v2 import auth_pb2, inbox_pb2, inbox_pb2_grpc, user_pb2

from server.libraries.network.channel import open_channel
from tests.support.client import Client, User, bearer
from tests.support.stack import Stack

pytestmark = pytest.mark.parametrize("transport", ["grpc"], indirect=True)

Stub: TypeAlias = inbox_pb2_grpc.InboxServiceStub
NEW_PASSWORD = "the second of two good passwords"


class Watch:
    """An open stream."""

    def __init__(self, call: Any) -> None:
        self._call = call

    async def read(self) -> inbox_pb2.WatchInboxResponse:
        """Return the next message that is not a heartbeat."""
        async with asyncio.timeout(30):
            while True:
                message = await self._call.read()
                assert isinstance(message, inbox_pb2.WatchInboxResponse), await self._call.code()
                if not message.HasField("heartbeat"):
                    return message

    async def read_count(self, expected: int) -> None:
        """Read until the count is `expected`: counts of moments in between may be left out."""
        while (await self.read()).waiting.count != expected:
            pass

    async def read_end(self) -> str:
        """Read the last message and return its reason."""
        while not (message := await self.read()).HasField("ended"):
            pass
        assert await self._call.read() is aio.EOF
        return message.ended.reason


@pytest.fixture
async def user(client: Client) -> User:
    return await client.new_user()


@pytest.fixture
async def streams(stack: Stack) -> AsyncIterator[Stub]:
    """A stub over a channel, for streams."""
    async with open_channel(stack.url) as channel:
        yield inbox_pb2_grpc.InboxServiceStub(channel)


@asynccontextmanager
async def watching(
    streams: Stub, user: User, metadata: Sequence[tuple[str, str]] = ()
) -> AsyncIterator[Watch]:
    """Watch the inbox of `user`, by password unless there is `metadata`."""
    password = "" if metadata else user.password
    request = inbox_pb2.WatchInboxRequest(user_id=user.id, password=password)
    call = streams.WatchInbox(request, metadata=metadata or None)
    yield Watch(call)
    call.cancel()


class TestWaiting:
    async def test_is_sent_at_once(self, client: Client, streams: Stub, user: User) -> None:
        async with watching(streams, user) as watch:
            assert (await watch.read()).waiting.count == 0
        await client.send(user.id, b"1")
        async with watching(streams, user) as watch:
            assert (await watch.read()).waiting.count == 1

    async def test_is_sent_when_it_changes(self, client: Client, streams: Stub, user: User) -> None:
        async with watching(streams, user) as watch:
            await watch.read_count(0)
            await client.send(user.id, b"1")
            await watch.read_count(1)
            await client.send(user.id, b"2")
            await watch.read_count(2)
            await client.take_messages(user)
            await watch.read_count(0)

    async def test_leaves_leased_messages_out_until_the_lease_ends(
        self, client: Client, streams: Stub, user: User, database: asyncpg.Connection
    ) -> None:
        await client.send(user.id, b"1")
        await client.send(user.id, b"2")
        async with watching(streams, user) as watch:
            await watch.read_count(2)
            first, _ = await client.lease_messages(user, seconds=60)
            await watch.read_count(0)
            await client.acknowledge(user, first.id)
            await database.execute(
                "UPDATE user_inbox_items SET leased_until = clock_timestamp() + interval '2 s' "
                "WHERE user_id = $1",
                user.id,
            )
            # The count is read again, with the end of the lease.
            await client.acknowledge(user, first.id)
            await watch.read_count(1)

    async def test_is_the_callers_own(self, client: Client, streams: Stub, user: User) -> None:
        stranger = await client.new_user()
        async with watching(streams, user) as watch:
            await watch.read_count(0)
            await client.send(stranger.id, b"1")
            await client.send(user.id, b"1")
            assert (await watch.read()).waiting.count == 1


async def change_password(client: Client, user: User) -> None:
    tokens = await client.login(user)
    await client.accounts.ChangePassword(
        auth_pb2.ChangePasswordRequest(current_password=user.password, new_password=NEW_PASSWORD),
        metadata=bearer(tokens),
    )


async def delete_user(client: Client, user: User) -> None:
    await client.users.DeleteUser(user_pb2.DeleteUserRequest(id=user.id, password=user.password))


class TestEnd:
    @pytest.mark.parametrize(
        ("act", "reason"),
        [
            pytest.param(change_password, "WRONG_PASSWORD", id="password changed"),
            pytest.param(delete_user, "USER_NOT_FOUND", id="user deleted"),
        ],
    )
    async def test_comes_when_the_password_no_longer_holds(
        self,
        client: Client,
        streams: Stub,
        act: Callable[[Client, User], Awaitable[None]],
        reason: str,
    ) -> None:
        user = await client.created_user()
        async with watching(streams, user) as watch:
            await watch.read_count(0)
            await act(client, user)
            assert await watch.read_end() == reason

    async def test_comes_when_the_session_has_ended(
        self, client: Client, streams: Stub, user: User
    ) -> None:
        mine, other = await client.login(user), await client.login(user)
        async with watching(streams, user, bearer(mine)) as watch:
            await watch.read_count(0)
            await client.accounts.Logout(auth_pb2.LogoutRequest(refresh_token=other.refresh_token))
            await client.send(user.id, b"1")
            await watch.read_count(1)
            await client.accounts.Logout(auth_pb2.LogoutRequest(refresh_token=mine.refresh_token))
            assert await watch.read_end() == "SESSION_ENDED"

    async def test_comes_when_the_access_key_is_deleted(
        self, client: Client, streams: Stub, user: User
    ) -> None:
        tokens = bearer(await client.login(user))
        key = await client.accounts.CreateAccessKey(
            auth_pb2.CreateAccessKeyRequest(name="phone", scopes=["feed"]), metadata=tokens
        )
        async with watching(streams, user, [("x-api-key", key.key)]) as watch:
            await watch.read_count(0)
            await client.accounts.DeleteAccessKey(
                auth_pb2.DeleteAccessKeyRequest(id=key.id), metadata=tokens
            )
            assert await watch.read_end() == "INVALID_API_KEY"

    async def test_comes_without_any_hint(
        self, client: Client, streams: Stub, database: asyncpg.Connection
    ) -> None:
        user = await client.created_user()
        async with watching(streams, user) as watch:
            await watch.read_count(0)
            await database.execute("UPDATE users SET disabled = now() WHERE id = $1", user.id)
            assert await watch.read_end() == "ACCOUNT_DISABLED"


class TestAuthentication:
    async def test_with_a_wrong_password_is_refused(self, streams: Stub, user: User) -> None:
        request = inbox_pb2.WatchInboxRequest(user_id=user.id, password="wrong")
        with pytest.raises(aio.AioRpcError) as raised:
            await streams.WatchInbox(request).read()
        assert raised.value.code() is StatusCode.UNAUTHENTICATED
