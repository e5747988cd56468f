"""Refreshing: a session goes on with a new token each time, also when a reply is lost."""

import asyncio
from uuid import UUID, uuid4

import asyncpg
import pytest
from grpc import StatusCode
from gymlocker.v2 import auth_pb2

from server.programs.demo.transport import CallError
from server.services.auth.repository import MAX_SPENT
from tests.services.auth.accounts import assert_dead, logout, me, refresh, refusal
from tests.support.client import Client, User, refused


async def test_refreshing_goes_on_with_the_session(client: Client) -> None:
    user = await client.new_user()
    first = await client.login(user)
    second = await refresh(client, first)
    third = await refresh(client, second)
    assert len({tokens.refresh_token for tokens in (first, second, third)}) == 3
    # An access token is good for as long as it says, and the session goes on.
    for tokens in (first, second, third):
        assert (await me(client, tokens)).id == user.id


async def test_a_repeated_refresh_gives_the_same_successor(client: Client) -> None:
    first = await client.login(await client.new_user())
    second = await refresh(client, first)
    # The successor was used, but not for long.
    third = await refresh(client, second)
    for repeated, successor in ((first, second), (second, third), (first, second)):
        assert (await refresh(client, repeated)).refresh_token == successor.refresh_token
    assert (await me(client, third)).id == (await me(client, second)).id


async def test_after_the_grace_a_repeat_is_accepted_until_its_successor_is_used(
    client: Client, database: asyncpg.Connection
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


@pytest.mark.parametrize("used", ["refresh token", "access token"])
async def test_a_refresh_token_whose_successor_was_used_ends_its_session_and_no_other(
    client: Client, database: asyncpg.Connection, used: str
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


async def test_200_refreshes_whose_reply_was_lost_log_nobody_out(one_client: Client) -> None:
    tokens = await one_client.login(await one_client.new_user())
    for _ in range(200):
        # The reply to the first one is thrown away.
        await refresh(one_client, tokens)
        tokens = await refresh(one_client, tokens)
    assert (await me(one_client, tokens)).id


async def test_those_who_refresh_at_the_same_time_all_go_on(client: Client) -> None:
    tokens = await client.login(await client.new_user())
    results = await asyncio.gather(*[refresh(client, tokens) for _ in range(5)])
    assert len({result.refresh_token for result in results}) == 1
    for result in results:
        assert (await me(client, result)).id
    assert (await me(client, await refresh(client, results[0]))).id


async def test_spent_tokens_are_pruned_and_known_when_they_come_back(
    client: Client, database: asyncpg.Connection
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


async def test_a_pruned_token_logs_out_as_well(
    client: Client, database: asyncpg.Connection
) -> None:
    user = await client.new_user()
    first = await client.login(user)
    second = await refresh(client, first)
    await _end_grace(user, database)
    third = await refresh(client, second)
    await logout(client, first.refresh_token)
    await assert_dead(client, third)


async def test_a_session_from_before_generations_goes_on(
    client: Client, database: asyncpg.Connection
) -> None:
    user = await client.new_user()
    tokens = await client.login(user)
    old = auth_pb2.Tokens(refresh_token="random-" + uuid4().hex)
    await _make_old(user, old.refresh_token, database)
    second = await refresh(client, old)
    assert (await refresh(client, old)).refresh_token == second.refresh_token
    third = await refresh(client, second)
    # An access token of the time before, too.
    assert (await me(client, tokens)).id == user.id
    await _end_grace(user, database)
    assert await refusal(refresh(client, old)) == "UNAUTHENTICATED INVALID_REFRESH_TOKEN"
    await assert_dead(client, third)


async def _end_grace(user: User, database: asyncpg.Connection) -> None:
    """All tokens that were spent until now were spent more than a minute ago."""
    await database.execute(
        "UPDATE refresh_tokens SET used = used - interval '61 seconds' WHERE user_id = $1",
        UUID(user.id),
    )


async def _stored(user: User, database: asyncpg.Connection) -> int:
    query = "SELECT count(*) FROM refresh_tokens WHERE user_id = $1"
    count: int = await database.fetchval(query, UUID(user.id))
    return count


async def _make_old(user: User, refresh_token: str, database: asyncpg.Connection) -> None:
    """The session of `user` is as the release before made it."""
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


async def test_an_unknown_refresh_token_gives_nothing(client: Client) -> None:
    for token in ("unknown", "ключ", "x" * 100, "\0"):
        with refused(StatusCode.UNAUTHENTICATED):
            await refresh(client, auth_pb2.Tokens(refresh_token=token))


async def test_an_access_token_is_no_refresh_token(client: Client) -> None:
    tokens = await client.login(await client.new_user())
    with pytest.raises(CallError):
        await refresh(client, auth_pb2.Tokens(refresh_token=tokens.access_token))
    with refused(StatusCode.UNAUTHENTICATED):
        await refresh(client, auth_pb2.Tokens(refresh_token=tokens.access_token[:100]))


async def test_a_session_ends_when_it_was_not_used_for_long(
    client: Client, database: asyncpg.Connection
) -> None:
    user = await client.new_user()
    tokens = await client.login(user)
    await database.execute("UPDATE sessions SET expiry = now() WHERE user_id = $1", UUID(user.id))
    await assert_dead(client, tokens)


async def test_refreshing_prolongs_the_session(
    client: Client, database: asyncpg.Connection
) -> None:
    user = await client.new_user()
    tokens = await client.login(user)
    soon = "UPDATE sessions SET expiry = now() + interval '1 minute' WHERE user_id = $1"
    await database.execute(soon, UUID(user.id))
    await refresh(client, tokens)
    left = "SELECT expiry > now() + interval '29 days' FROM sessions WHERE user_id = $1"
    assert await database.fetchval(left, UUID(user.id))


async def test_the_database_knows_no_refresh_token(
    one_client: Client, database: asyncpg.Connection
) -> None:
    user = await one_client.new_user()
    tokens = await one_client.login(user)
    rows = await database.fetch("SELECT * FROM refresh_tokens WHERE user_id = $1", UUID(user.id))
    [stored] = [row["hash"] for row in rows]
    assert len(stored) == 32
    with refused(StatusCode.UNAUTHENTICATED):
        await refresh(one_client, auth_pb2.Tokens(refresh_token=stored.hex()))
    assert tokens.refresh_token not in repr(rows)
