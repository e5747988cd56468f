"""Logging in, and out again: what a session begins and ends with, and how many there may be."""

from uuid import UUID

import asyncpg
import httpx2
import pytest

from server.programs.demo.transport import CallError
from server.services.auth.repository import MAX_SESSIONS
from tests.services.auth.accounts import assert_dead, login, logout, me, new_name, refresh
from tests.support.client import Client, bearer, nobody
from tests.support.rest import error_of

# --- Login ---


async def test_a_wrong_password_and_an_unknown_name_look_the_same(
    one_client: Client, rest: httpx2.AsyncClient
) -> None:
    user = await one_client.new_user()
    bodies = []
    for name, password in ((user.id, "wrong"), (new_name(), user.password), (nobody().id, "x")):
        response = await rest.post("/auth/login", json={"username": name, "password": password})
        bodies.append(error_of(response, 401))
        assert response.headers["www-authenticate"] == 'Bearer realm="gymlocker"'
    assert bodies[0] == bodies[1] == bodies[2]
    errors = []
    for name in (user.id, new_name()):
        with pytest.raises(CallError) as raised:
            await login(one_client, name, "wrong")
        errors.append((raised.value.message, raised.value.details))
    assert errors[0] == errors[1]


@pytest.mark.parametrize("path", ["/auth/login", "/v2/auth/login"])
async def test_tokens_are_spelt_as_oauth_spells_them(
    one_client: Client, rest: httpx2.AsyncClient, path: str
) -> None:
    user = await one_client.new_user()
    response = await rest.post(path, json={"username": user.lookup, "password": user.password})
    first = response.json()
    again = await rest.post("/auth/refresh", json={"refresh_token": first["refresh_token"]})
    for tokens in (first, again.json()):
        assert tokens.keys() == {"access_token", "token_type", "expires_in", "refresh_token"}
        assert (tokens["token_type"], tokens["expires_in"]) == ("bearer", 3600)
        assert tokens["access_token"].count(".") == 2


async def test_one_who_has_no_username_has_none_in_json(
    one_client: Client, rest: httpx2.AsyncClient
) -> None:
    tokens = await one_client.login(await one_client.new_user())
    account = (await rest.get("/auth/me", headers=dict(bearer(tokens)))).json()
    assert account.keys() == {"id", "lookup", "created"}


async def test_the_longest_unused_session_ends_when_there_are_too_many(
    client: Client, database: asyncpg.Connection
) -> None:
    user = await client.new_user()
    oldest, unused = await client.login(user), await client.login(user)
    await database.execute(
        "INSERT INTO sessions (user_id, id, created, expiry, last_used)"
        " SELECT $1, gen_random_uuid(), now(), now() + interval '1 day', now()"
        " FROM generate_series(1, $2)",
        UUID(user.id),
        MAX_SESSIONS - 2,
    )
    # Refreshing is a use, and so is the first use of an access token.
    oldest = await refresh(client, oldest)
    newest = await client.login(user)
    await assert_dead(client, unused)
    for tokens in (oldest, newest):
        assert (await me(client, tokens)).id == user.id


async def test_a_session_of_the_time_before_counts_as_used_when_it_was_refreshed(
    client: Client, database: asyncpg.Connection
) -> None:
    user = await client.new_user()
    kept, ended = await client.login(user), await client.login(user)
    for tokens, days in ((kept, 29), (ended, 27)):
        await database.execute(
            "UPDATE sessions SET last_used = NULL, expiry = now() + make_interval(days => $2)"
            " WHERE family = sha256(split_part($1, '.', 1)::bytea)",
            tokens.refresh_token,
            days,
        )
    await database.execute(
        "INSERT INTO sessions (user_id, id, created, expiry)"
        " SELECT $1, gen_random_uuid(), now(), now() + interval '28 days'"
        " FROM generate_series(1, $2)",
        UUID(user.id),
        MAX_SESSIONS - 2,
    )
    await client.login(user)
    await assert_dead(client, ended)
    assert (await me(client, kept)).id == user.id


# --- Logout ---


async def test_logging_out_ends_the_session_and_no_other(client: Client) -> None:
    user = await client.new_user()
    other, tokens = await client.login(user), await client.login(user)
    # Twice: once more is no error.
    await logout(client, tokens.refresh_token)
    await logout(client, tokens.refresh_token)
    await assert_dead(client, tokens)
    assert (await me(client, other)).id == user.id


async def test_a_used_refresh_token_logs_out_as_well(client: Client) -> None:
    first = await client.login(await client.new_user())
    second = await refresh(client, first)
    await logout(client, first.refresh_token)
    await assert_dead(client, second)


async def test_logging_out_of_a_session_that_never_was_is_no_error(client: Client) -> None:
    await logout(client, "unknown")
