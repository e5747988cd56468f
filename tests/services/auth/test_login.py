"""Login, GetMe and Logout: the start and the end of sessions, and their maximum."""

from uuid import UUID

import asyncpg
import httpx2
import pytest

from server.programs.demo.transport import CallError
from server.services.auth.session_repository import MAX_SESSIONS
from tests.services.auth.accounts import assert_dead, login, logout, me, new_name, refresh
from tests.support.client import Client, bearer, nobody
from tests.support.rest import error_of


class TestLogin:
    async def test_wrong_password_and_unknown_name_look_the_same(
        self, one_client: Client, rest: httpx2.AsyncClient
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
    async def test_returns_tokens_with_the_field_names_of_oauth(
        self, one_client: Client, rest: httpx2.AsyncClient, path: str
    ) -> None:
        user = await one_client.new_user()
        response = await rest.post(path, json={"username": user.lookup, "password": user.password})
        first = response.json()
        again = await rest.post("/auth/refresh", json={"refresh_token": first["refresh_token"]})
        for tokens in (first, again.json()):
            assert tokens.keys() == {"access_token", "token_type", "expires_in", "refresh_token"}
            assert (tokens["token_type"], tokens["expires_in"]) == ("bearer", 3600)
            assert tokens["access_token"].count(".") == 2

    async def test_ends_least_recently_used_session_beyond_maximum(
        self, client: Client, database: asyncpg.Connection
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
        # A refresh is a use of the session, and so is the first use of an access token.
        oldest = await refresh(client, oldest)
        newest = await client.login(user)
        await assert_dead(client, unused)
        for tokens in (oldest, newest):
            assert (await me(client, tokens)).id == user.id

    async def test_old_session_without_last_used_counts_as_used_at_its_refresh(
        self, client: Client, database: asyncpg.Connection
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


class TestGetMe:
    async def test_omits_missing_username_in_json(
        self, one_client: Client, rest: httpx2.AsyncClient
    ) -> None:
        tokens = await one_client.login(await one_client.new_user())
        account = (await rest.get("/auth/me", headers=dict(bearer(tokens)))).json()
        assert account.keys() == {"id", "lookup", "created", "importBackups"}


class TestLogout:
    async def test_ends_its_session_only_and_may_be_repeated(self, client: Client) -> None:
        user = await client.new_user()
        other, tokens = await client.login(user), await client.login(user)
        # A repetition is not an error.
        await logout(client, tokens.refresh_token)
        await logout(client, tokens.refresh_token)
        await assert_dead(client, tokens)
        assert (await me(client, other)).id == user.id

    async def test_spent_refresh_token_ends_its_session(self, client: Client) -> None:
        first = await client.login(await client.new_user())
        second = await refresh(client, first)
        await logout(client, first.refresh_token)
        await assert_dead(client, second)

    async def test_accepts_unknown_refresh_token(self, client: Client) -> None:
        await logout(client, "unknown")
