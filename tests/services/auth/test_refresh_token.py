"""RefreshToken: rotation, retries after a lost response, and detection of reuse."""

import asyncio
from uuid import UUID, uuid4

import asyncpg
import pytest
from grpc import StatusCode
from gymlocker.v2 import auth_pb2

from server.programs.demo.transport import CallError
from server.services.auth.session_repository import MAX_SPENT
from tests.services.auth.accounts import assert_dead, logout, me, refresh, refusal
from tests.support.client import Client, User, refused


class TestRefreshToken:
    async def test_returns_new_tokens_of_the_same_session(self, client: Client) -> None:
        user = await client.new_user()
        first = await client.login(user)
        second = await refresh(client, first)
        third = await refresh(client, second)
        assert len({tokens.refresh_token for tokens in (first, second, third)}) == 3
        # Each access token stays valid until it expires, while the session is alive.
        for tokens in (first, second, third):
            assert (await me(client, tokens)).id == user.id

    async def test_extends_expiry_of_the_session(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        user = await client.new_user()
        tokens = await client.login(user)
        soon = "UPDATE sessions SET expiry = now() + interval '1 minute' WHERE user_id = $1"
        await database.execute(soon, UUID(user.id))
        await refresh(client, tokens)
        left = "SELECT expiry > now() + interval '29 days' FROM sessions WHERE user_id = $1"
        assert await database.fetchval(left, UUID(user.id))

    async def test_rejects_token_of_expired_session(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        user = await client.new_user()
        tokens = await client.login(user)
        await database.execute(
            "UPDATE sessions SET expiry = now() WHERE user_id = $1", UUID(user.id)
        )
        await assert_dead(client, tokens)

    async def test_rejects_unknown_token(self, client: Client) -> None:
        for token in ("unknown", "ключ", "x" * 100, "\0"):
            with refused(StatusCode.UNAUTHENTICATED):
                await refresh(client, auth_pb2.Tokens(refresh_token=token))

    async def test_rejects_access_token(self, client: Client) -> None:
        tokens = await client.login(await client.new_user())
        with pytest.raises(CallError):
            await refresh(client, auth_pb2.Tokens(refresh_token=tokens.access_token))
        with refused(StatusCode.UNAUTHENTICATED):
            await refresh(client, auth_pb2.Tokens(refresh_token=tokens.access_token[:100]))

    async def test_database_stores_only_a_hash(
        self, one_client: Client, database: asyncpg.Connection
    ) -> None:
        user = await one_client.new_user()
        tokens = await one_client.login(user)
        rows = await database.fetch(
            "SELECT * FROM refresh_tokens WHERE user_id = $1", UUID(user.id)
        )
        [stored] = [row["hash"] for row in rows]
        assert len(stored) == 32
        with refused(StatusCode.UNAUTHENTICATED):
            await refresh(one_client, auth_pb2.Tokens(refresh_token=stored.hex()))
        assert tokens.refresh_token not in repr(rows)

    async def test_session_from_before_generations_stays_alive(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        user = await client.new_user()
        tokens = await client.login(user)
        old = auth_pb2.Tokens(refresh_token="random-" + uuid4().hex)
        await _make_old(user, old.refresh_token, database)
        second = await refresh(client, old)
        assert (await refresh(client, old)).refresh_token == second.refresh_token
        third = await refresh(client, second)
        # Old access tokens stay valid as well.
        assert (await me(client, tokens)).id == user.id
        await _end_grace(user, database)
        assert await refusal(refresh(client, old)) == "UNAUTHENTICATED INVALID_REFRESH_TOKEN"
        await assert_dead(client, third)


class TestRetry:
    """Repeated requests with a spent token."""

    async def test_returns_same_successor_within_grace(self, client: Client) -> None:
        first = await client.login(await client.new_user())
        second = await refresh(client, first)
        # The successor was used, but within the grace period.
        third = await refresh(client, second)
        for repeated, successor in ((first, second), (second, third), (first, second)):
            assert (await refresh(client, repeated)).refresh_token == successor.refresh_token
        assert (await me(client, third)).id == (await me(client, second)).id

    async def test_returns_same_successor_after_grace_until_it_is_used(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        user = await client.new_user()
        first = await client.login(user)
        lost = await refresh(client, first)
        await _end_grace(user, database)
        for _ in range(3):
            second = await refresh(client, first)
            assert second.refresh_token == lost.refresh_token
        await refresh(client, second)
        await _end_grace(user, database)
        assert await refusal(refresh(client, first)) == "UNAUTHENTICATED INVALID_REFRESH_TOKEN"

    async def test_session_survives_200_lost_responses(self, one_client: Client) -> None:
        tokens = await one_client.login(await one_client.new_user())
        for _ in range(200):
            # The first response is lost.
            await refresh(one_client, tokens)
            tokens = await refresh(one_client, tokens)
        assert (await me(one_client, tokens)).id

    async def test_concurrent_requests_return_same_successor(self, client: Client) -> None:
        tokens = await client.login(await client.new_user())
        results = await asyncio.gather(*[refresh(client, tokens) for _ in range(5)])
        assert len({result.refresh_token for result in results}) == 1
        for result in results:
            assert (await me(client, result)).id
        assert (await me(client, await refresh(client, results[0]))).id


class TestReuse:
    """Spent tokens whose successor was used."""

    @pytest.mark.parametrize("used", ["refresh token", "access token"])
    async def test_ends_its_session_only(
        self, client: Client, database: asyncpg.Connection, used: str
    ) -> None:
        user = await client.new_user()
        other = await client.login(user)
        first = await client.login(user)
        second = await refresh(client, first)
        newest = await refresh(client, second) if used == "refresh token" else second
        await me(client, second)
        await _end_grace(user, database)
        assert await refusal(refresh(client, first)) == "UNAUTHENTICATED INVALID_REFRESH_TOKEN"
        await assert_dead(client, first, second, newest)
        assert (await me(client, other)).id == user.id
        assert (await me(client, await refresh(client, other))).id == user.id

    async def test_pruned_token_ends_its_session(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        user = await client.new_user()
        first = tokens = await client.login(user)
        for _ in range(MAX_SPENT + 10):
            tokens = await refresh(client, tokens)
        assert await _stored(user, database) <= MAX_SPENT + 1
        await _end_grace(user, database)
        tokens = await refresh(client, tokens)
        assert await _stored(user, database) == 2
        assert await refusal(refresh(client, first)) == "UNAUTHENTICATED INVALID_REFRESH_TOKEN"
        await assert_dead(client, tokens)

    async def test_logout_accepts_pruned_token(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        user = await client.new_user()
        first = await client.login(user)
        second = await refresh(client, first)
        await _end_grace(user, database)
        third = await refresh(client, second)
        await logout(client, first.refresh_token)
        await assert_dead(client, third)


async def _end_grace(user: User, database: asyncpg.Connection) -> None:
    """Move the spending of all tokens of `user` to more than a minute ago."""
    await database.execute(
        "UPDATE refresh_tokens SET used = used - interval '61 seconds' WHERE user_id = $1",
        UUID(user.id),
    )


async def _stored(user: User, database: asyncpg.Connection) -> int:
    query = "SELECT count(*) FROM refresh_tokens WHERE user_id = $1"
    count: int = await database.fetchval(query, UUID(user.id))
    return count


async def _make_old(user: User, refresh_token: str, database: asyncpg.Connection) -> None:
    """Change the session of `user` to one of the release before generations."""
    await database.execute(
        "UPDATE sessions SET family = NULL, last_used = NULL, confirmed = 0 WHERE user_id = $1",
        UUID(user.id),
    )
    await database.execute(
        "UPDATE refresh_tokens SET generation = 0, hash = sha256($2::text::bytea)"
        " WHERE user_id = $1",
        UUID(user.id),
        refresh_token,
    )
