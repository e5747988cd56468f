"""FollowService, over every transport."""

import asyncio
from uuid import UUID

import asyncpg
import pytest
from grpc import StatusCode

from tests.support.client import Client, User, event_of, follow, nobody, refused

LONGEST_SECRET = "schlüssel 🏋️ ключ 鍵 " + "🔑" * 20


async def may_read(client: Client, user: User, secret: str) -> bool:
    """Check whether `secret` gives access to the events of `user`."""
    response = await client.feed(follow(user.id, secret))
    assert list(response.invalid_follow_secrets) in ([], [secret])
    assert bool(response.events) == (not response.invalid_follow_secrets)
    return not response.invalid_follow_secrets


class TestPutFollowSecret:
    async def test_accepts_secret_of_40_characters_of_any_language(self, client: Client) -> None:
        assert len(LONGEST_SECRET) == 40
        user = await client.new_user()
        await client.events.PutEvent(event_of(user))
        assert not await may_read(client, user, LONGEST_SECRET)
        await client.accept(user, LONGEST_SECRET)
        assert await may_read(client, user, LONGEST_SECRET)
        await client.revoke(user, LONGEST_SECRET)
        assert not await may_read(client, user, LONGEST_SECRET)

    @pytest.mark.parametrize(
        "secret", ["", LONGEST_SECRET + "🔑", "nul\0"], ids=["none", "41", "NUL"]
    )
    async def test_rejects_invalid_secret(self, client: Client, secret: str) -> None:
        with refused(StatusCode.INVALID_ARGUMENT, "follow_secret"):
            await client.accept(nobody(), secret)
        with refused(StatusCode.INVALID_ARGUMENT, "follow_secret"):
            await client.revoke(nobody(), secret)

    async def test_can_be_repeated_and_undone(self, client: Client) -> None:
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

    async def test_accepts_the_same_secret_for_two_users(self, client: Client) -> None:
        one, other = await client.new_user(), await client.new_user()
        for user in (one, other):
            await client.events.PutEvent(event_of(user))
            await client.accept(user, "the same")
        await client.revoke(one, "the same")
        assert not await may_read(client, one, "the same")
        assert await may_read(client, other, "the same")

    async def test_stores_one_secret_for_20_concurrent_requests(
        self, client: Client, database: asyncpg.Connection
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


class TestDeleteFollowSecret:
    async def test_revokes_one_secret_only(self, client: Client) -> None:
        user = await client.new_user()
        await client.events.PutEvent(event_of(user))
        leaving, staying = await client.new_secret(user), await client.new_secret(user)
        await client.revoke(user, leaving)
        assert not await may_read(client, user, leaving)
        assert await may_read(client, user, staying)

    async def test_revokes_secret_that_liftlogs_server_stored_twice(
        self, client: Client, database: asyncpg.Connection
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
