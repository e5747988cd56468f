"""ChangePassword: it ends every session, including concurrent new ones."""

import asyncio
from uuid import UUID

import asyncpg
import httpx2
from grpc import StatusCode
from gymlocker.v2 import auth_pb2

from server.programs.demo.transport import CallError
from tests.services.auth.accounts import PASSWORD, assert_dead, change, login, me, refresh
from tests.support.client import Client, User, bearer, refused, with_password
from tests.support.rest import error_of


class TestChangePassword:
    async def test_replaces_password_and_ends_every_session(
        self,
        one_client: Client,
    ) -> None:
        user = await one_client.new_user()
        sessions = [await one_client.login(user) for _ in range(2)]
        await change(one_client, sessions[0], user.password, PASSWORD)
        await assert_dead(one_client, *sessions)
        with refused(StatusCode.UNAUTHENTICATED):
            await one_client.login(user)
        with refused(StatusCode.UNAUTHENTICATED):
            await one_client.take_messages(user)
        changed = with_password(user, PASSWORD)
        assert (await me(one_client, await one_client.login(changed))).id == user.id
        assert await one_client.take_messages(changed) == []

    async def test_wrong_current_password_changes_nothing(
        self, one_client: Client, rest: httpx2.AsyncClient
    ) -> None:
        user = await one_client.new_user()
        tokens = await one_client.login(user)
        response = await rest.post(
            "/auth/change-password",
            json={"currentPassword": "wrong password", "newPassword": PASSWORD},
            headers=dict(bearer(tokens)),
        )
        assert error_of(response, 401)["details"][0]["reason"] == "WRONG_PASSWORD"
        assert (await me(one_client, await refresh(one_client, tokens))).id == user.id
        await one_client.login(user)

    async def test_ends_sessions_of_concurrent_logins(
        self, one_client: Client, database: asyncpg.Connection
    ) -> None:
        user = await one_client.new_user()
        tokens, started = await one_client.login(user), list[auth_pb2.Tokens]()

        async def log_in_until_refused() -> None:
            with refused(StatusCode.UNAUTHENTICATED):
                while True:
                    started.append(await one_client.login(user))

        await asyncio.gather(
            change(one_client, tokens, user.password, PASSWORD),
            *[log_in_until_refused() for _ in range(10)],
        )
        assert len(started) >= 10
        assert await _sessions(user, database) == 0
        await assert_dead(one_client, tokens, started[0], started[-1])

    async def test_ends_sessions_of_concurrent_refreshes(
        self, one_client: Client, database: asyncpg.Connection
    ) -> None:
        user = await one_client.new_user()
        tokens = await one_client.login(user)

        async def refresh_until_refused() -> None:
            newest = await one_client.login(user)
            with refused(StatusCode.UNAUTHENTICATED):
                while True:
                    newest = await refresh(one_client, newest)

        refreshing = [asyncio.create_task(refresh_until_refused()) for _ in range(10)]
        await change(one_client, tokens, user.password, PASSWORD)
        await asyncio.gather(*refreshing)
        assert await _sessions(user, database) == 0

    async def test_only_one_of_two_concurrent_calls_succeeds(self, one_client: Client) -> None:
        user = await one_client.new_user()
        tokens = await one_client.login(user)
        passwords = ["first password", "second password"]
        results = await asyncio.gather(
            *[change(one_client, tokens, user.password, password) for password in passwords],
            return_exceptions=True,
        )
        [loser] = [result for result in results if isinstance(result, CallError)]
        assert loser.code == StatusCode.UNAUTHENTICATED
        await login(one_client, user.id, passwords[results.index(None)])


async def _sessions(user: User, database: asyncpg.Connection) -> int:
    query = "SELECT count(*) FROM sessions WHERE user_id = $1"
    count: int = await database.fetchval(query, UUID(user.id))
    return count
