"""Logging in, and out again: what a session begins and ends with, and how many there may be."""

from contextlib import nullcontext
from uuid import UUID

import asyncpg
import httpx2
import pytest
from grpc import StatusCode
from gymlocker.v2 import auth_pb2

from server.auth.repository import MOST_SESSIONS
from server.demo.transport import CallError
from tests.auth.accounts import assert_dead, login, logout, me, new_name, refresh
from tests.feed.client import Client, bearer, nobody, refused
from tests.feed.rest import error_of

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


async def test_the_oldest_session_ends_when_there_are_too_many(
    client: Client, database: asyncpg.Connection
) -> None:
    user = await client.new_user()
    first, second = await client.login(user), await client.login(user)
    await database.execute(
        "INSERT INTO sessions (user_id, id, created, expiry) SELECT $1, gen_random_uuid(), now(),"
        " now() + interval '1 day' FROM generate_series(1, $2)",
        UUID(user.id),
        MOST_SESSIONS - 2,
    )
    newest = await client.login(user)
    for tokens, code in ((first, StatusCode.UNAUTHENTICATED), (second, None), (newest, None)):
        with refused(code) if code else nullcontext():
            await client.accounts.GetMe(auth_pb2.GetMeRequest(), metadata=bearer(tokens))


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
