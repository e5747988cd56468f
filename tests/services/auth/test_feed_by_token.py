"""Calls of the feed with an access token instead of a password, or with both."""

from uuid import uuid4

import pytest
from grpc import StatusCode
from gymlocker.v2 import follow_pb2, inbox_pb2, user_pb2

from server.programs.demo.transport import Metadata
from tests.services.auth.accounts import assert_dead, logout
from tests.support.client import (
    Client,
    User,
    bearer,
    event_of,
    follow,
    item_of,
    refused,
    update_of,
    with_password,
)

FOREIGN = {
    "Basic": ["Basic cHJveHk6cGFzc3dvcmQ="],
    "nothing": [""],
    "Digest": ["Digest username=proxy"],
    "a proxy's Bearer": ["Bearer nonsense"],
    "Bearer alone": ["Bearer"],
    "looks like a JWT": ["Bearer eyJhbGciOiJub25lIn0.e30."],
    "several": ["Bearer one", "Basic cHJveHk6cGFzc3dvcmQ="],
    "several Bearers": ["Bearer one", "Bearer two"],
}


class TestAccessToken:
    async def test_replaces_password(self, client: Client) -> None:
        user = await client.new_user()
        secret = await client.new_secret(user)
        metadata = bearer(await client.login(user))
        await client.events.PutEvent(event_of(with_password(user, "")), metadata=metadata)
        assert len((await client.feed(follow(user.id, secret))).events) == 1

    async def test_rejects_token_of_another_user(self, client: Client) -> None:
        user, other = await client.new_user(), await client.new_user()
        metadata = bearer(await client.login(other))
        with refused(StatusCode.UNAUTHENTICATED):
            await _take_messages(client, with_password(user, ""), metadata)

    async def test_rejects_wrong_password_despite_valid_token(self, client: Client) -> None:
        user = await client.new_user()
        metadata = bearer(await client.login(user))
        with refused(StatusCode.UNAUTHENTICATED):
            await _take_messages(client, with_password(user, "wrong password"), metadata)

    async def test_public_method_ignores_invalid_token(self, client: Client) -> None:
        user = await client.new_user()
        request = user_pb2.GetUserRequest(id_or_lookup=user.id)
        profile = await client.users.GetUser(
            request, metadata=[("authorization", "Bearer nonsense")]
        )
        assert profile.id == user.id

    async def test_deletion_of_the_user_ends_every_session(self, client: Client) -> None:
        user = await client.created_user()
        tokens, other = await client.login(user), await client.login(user)
        await client.users.DeleteUser(
            user_pb2.DeleteUserRequest(id=user.id), metadata=bearer(tokens)
        )
        await assert_dead(client, tokens, other)
        with refused(StatusCode.NOT_FOUND):
            await client.profile(user.id)


class TestForeignHeader:
    """Authorization headers of others, such as a proxy, in requests with a password."""

    @pytest.mark.parametrize("kind", [*FOREIGN, "another user's token", "ended session"])
    async def test_is_ignored_beside_a_password(self, client: Client, kind: str) -> None:
        user, secret = await client.created_user(), str(uuid4())
        values = FOREIGN.get(kind, [])
        if kind == "another user's token":
            values = [bearer(await client.login(await client.new_user()))[0][1]]
        elif kind == "ended session":
            tokens = await client.login(user)
            await logout(client, tokens.refresh_token)
            values = [bearer(tokens)[0][1]]
        metadata = [("authorization", value) for value in values]
        who = {"user_id": user.id, "password": user.password}
        put = follow_pb2.PutFollowSecretRequest(**who, follow_secret=secret)
        remove = follow_pb2.DeleteFollowSecretRequest(**who, follow_secret=secret)
        await client.users.UpdateUser(update_of(user), metadata=metadata)
        await client.events.PutEvent(event_of(user), metadata=metadata)
        await client.follows.PutFollowSecret(put, metadata=metadata)
        await client.follows.DeleteFollowSecret(remove, metadata=metadata)
        await _take_messages(client, user, metadata)
        await client.shares.CreateSharedItem(item_of(user), metadata=metadata)
        await client.users.DeleteUser(
            user_pb2.DeleteUserRequest(id=user.id, password=user.password), metadata=metadata
        )
        with refused(StatusCode.NOT_FOUND):
            await client.profile(user.id)


async def _take_messages(client: Client, user: User, metadata: Metadata) -> None:
    await client.inbox.GetInboxMessages(
        inbox_pb2.GetInboxMessagesRequest(user_id=user.id, password=user.password),
        metadata=metadata,
    )
