"""Refreshing: a session goes on with a new token each time, and ends when an old one comes back."""

import asyncio
from uuid import UUID

import asyncpg
import pytest
from grpc import StatusCode
from gymlocker.v2 import auth_pb2

from server.demo.transport import CallError
from tests.auth.accounts import assert_dead, me, refresh, refusal
from tests.feed.client import Client, refused


async def test_refreshing_goes_on_with_the_session(client: Client) -> None:
    user = await client.new_user()
    first = await client.login(user)
    second = await refresh(client, first)
    third = await refresh(client, second)
    assert len({tokens.refresh_token for tokens in (first, second, third)}) == 3
    # An access token is good for as long as it says, and the session goes on.
    for tokens in (first, second, third):
        assert (await me(client, tokens)).id == user.id


async def test_a_refresh_token_that_comes_back_ends_its_session_and_no_other(
    client: Client,
) -> None:
    user = await client.new_user()
    other = await client.login(user)
    first = await client.login(user)
    second = await refresh(client, first)
    assert await refusal(refresh(client, first)) == "UNAUTHENTICATED INVALID_REFRESH_TOKEN"
    await assert_dead(client, first, second)
    assert (await me(client, other)).id == user.id
    assert (await me(client, await refresh(client, other))).id == user.id


async def test_of_two_who_refresh_at_the_same_time_one_at_most_succeeds_and_the_session_ends(
    client: Client,
) -> None:
    tokens = await client.login(await client.new_user())
    results = await asyncio.gather(
        *[refresh(client, tokens) for _ in range(2)], return_exceptions=True
    )
    errors = [result for result in results if isinstance(result, CallError)]
    assert {error.code for error in errors} == {StatusCode.UNAUTHENTICATED}
    winners = [result for result in results if isinstance(result, auth_pb2.Tokens)]
    assert len(winners) + len(errors) == 2
    await assert_dead(client, tokens, *winners)


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
