"""The feed with an access token in the place of a password."""

from grpc import StatusCode
from gymlocker.v2 import inbox_pb2, user_pb2

from server.demo.transport import Metadata
from tests.auth.accounts import assert_dead
from tests.feed.client import Client, User, bearer, event_of, follow, refused, with_password


async def test_an_account_publishes_with_its_token_alone(client: Client) -> None:
    user = await client.new_user()
    secret = await client.new_secret(user)
    metadata = bearer(await client.login(user))
    await client.events.PutEvent(event_of(with_password(user, "")), metadata=metadata)
    assert len((await client.feed(follow(user.id, secret))).events) == 1


async def test_a_token_opens_nobody_elses_feed_not_even_with_the_password(client: Client) -> None:
    user, other = await client.new_user(), await client.new_user()
    metadata = bearer(await client.login(other))
    for password in ("", user.password):
        with refused(StatusCode.UNAUTHENTICATED):
            await _take_messages(client, with_password(user, password), metadata)


async def test_with_a_token_the_password_is_not_looked_at(client: Client) -> None:
    user = await client.new_user()
    metadata = bearer(await client.login(user))
    await _take_messages(client, with_password(user, "wrong password"), metadata)


async def test_credentials_for_a_proxy_do_not_disturb_the_password(client: Client) -> None:
    user = await client.new_user()
    for value in ("Basic cHJveHk6cGFzc3dvcmQ=", "", "Digest username=proxy"):
        await _take_messages(client, user, [("authorization", value)])


async def test_calls_that_anybody_may_make_do_not_look_at_a_token(client: Client) -> None:
    user = await client.new_user()
    request = user_pb2.GetUserRequest(id_or_lookup=user.id)
    profile = await client.users.GetUser(request, metadata=[("authorization", "Bearer nonsense")])
    assert profile.id == user.id


async def test_deleting_a_user_ends_their_sessions(client: Client) -> None:
    user = await client.created_user()
    tokens, other = await client.login(user), await client.login(user)
    await client.users.DeleteUser(user_pb2.DeleteUserRequest(id=user.id), metadata=bearer(tokens))
    await assert_dead(client, tokens, other)
    with refused(StatusCode.NOT_FOUND):
        await client.profile(user.id)


async def _take_messages(client: Client, user: User, metadata: Metadata) -> None:
    await client.inbox.GetInboxMessages(
        inbox_pb2.GetInboxMessagesRequest(user_id=user.id, password=user.password),
        metadata=metadata,
    )
