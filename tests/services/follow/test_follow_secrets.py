"""FollowService, over every way to call."""

import asyncio
from uuid import UUID

import asyncpg
import pytest
from grpc import StatusCode

from tests.support.client import Client, User, event_of, follow, nobody, refused

MAX_LENGTH = "schlüssel 🏋️ ключ 鍵 " + "🔑" * 20


async def may_read(client: Client, user: User, secret: str) -> bool:
    """Whether `secret` opens the events of `user`."""
    reply = await client.feed(follow(user.id, secret))
    assert list(reply.invalid_follow_secrets) in ([], [secret])
    assert bool(reply.events) == (not reply.invalid_follow_secrets)
    return not reply.invalid_follow_secrets


async def test_a_secret_of_40_characters_of_any_language_opens_the_feed(client: Client) -> None:
    assert len(MAX_LENGTH) == 40
    user = await client.new_user()
    await client.events.PutEvent(event_of(user))
    assert not await may_read(client, user, MAX_LENGTH)
    await client.accept(user, MAX_LENGTH)
    assert await may_read(client, user, MAX_LENGTH)
    await client.revoke(user, MAX_LENGTH)
    assert not await may_read(client, user, MAX_LENGTH)


@pytest.mark.parametrize("secret", ["", MAX_LENGTH + "🔑", "nul\0"], ids=["none", "41", "NUL"])
async def test_a_secret_that_breaks_a_limit_is_refused(client: Client, secret: str) -> None:
    with refused(StatusCode.INVALID_ARGUMENT, "follow_secret"):
        await client.accept(nobody(), secret)
    with refused(StatusCode.INVALID_ARGUMENT, "follow_secret"):
        await client.revoke(nobody(), secret)


async def test_accepting_and_revoking_can_be_repeated(client: Client) -> None:
    user = await client.new_user()
    await client.events.PutEvent(event_of(user))
    await client.revoke(user, "never accepted")
    for _ in range(2):
        await client.accept(user, "secret")
        assert await may_read(client, user, "secret")
    for _ in range(2):
        await client.revoke(user, "secret")
        assert not await may_read(client, user, "secret")
    await client.accept(user, "secret")
    assert await may_read(client, user, "secret")


async def test_revoking_one_secret_shuts_out_one_follower(client: Client) -> None:
    user = await client.new_user()
    await client.events.PutEvent(event_of(user))
    leaving, staying = await client.new_secret(user), await client.new_secret(user)
    await client.revoke(user, leaving)
    assert not await may_read(client, user, leaving)
    assert await may_read(client, user, staying)


async def test_two_users_may_have_the_same_secret(client: Client) -> None:
    one, other = await client.new_user(), await client.new_user()
    for user in (one, other):
        await client.events.PutEvent(event_of(user))
        await client.accept(user, "the same")
    await client.revoke(one, "the same")
    assert not await may_read(client, one, "the same")
    assert await may_read(client, other, "the same")


async def test_what_20_accept_at_once_is_revoked_once(
    client: Client, database: asyncpg.Connection
) -> None:
    user = await client.new_user()
    await client.events.PutEvent(event_of(user))
    await asyncio.gather(*(client.accept(user, "secret") for _ in range(20)))
    stored = await database.fetch(
        "SELECT value FROM user_follow_secrets WHERE user_id = $1", UUID(user.id)
    )
    assert [row["value"] for row in stored] == ["secret"]
    await client.revoke(user, "secret")
    assert not await may_read(client, user, "secret")


async def test_a_secret_that_an_older_server_stored_twice_is_revoked_once(
    client: Client, database: asyncpg.Connection
) -> None:
    user = await client.new_user()
    await client.events.PutEvent(event_of(user))
    await database.execute(
        """
        INSERT INTO user_follow_secrets (id, user_id, value)
        SELECT gen_random_uuid(), $1, 'twice' FROM generate_series(1, 2)
        """,
        UUID(user.id),
    )
    assert await may_read(client, user, "twice")
    await client.revoke(user, "twice")
    assert not await may_read(client, user, "twice")
