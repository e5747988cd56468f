"""ListSessions and DeleteSession, and UpdateAccount."""

from uuid import UUID

import asyncpg
import httpx2
from grpc import StatusCode
from gymlocker.v2 import auth_pb2

from tests.services.auth.accounts import assert_dead, me, refresh, refusal
from tests.support.client import SOME_UUID, Client, bearer


async def sessions_of(client: Client, tokens: auth_pb2.Tokens) -> list[auth_pb2.Session]:
    response = await client.accounts.ListSessions(
        auth_pb2.ListSessionsRequest(), metadata=bearer(tokens)
    )
    return list(response.sessions)


async def delete(client: Client, tokens: auth_pb2.Tokens, session_id: str) -> None:
    await client.accounts.DeleteSession(
        auth_pb2.DeleteSessionRequest(id=session_id), metadata=bearer(tokens)
    )


class TestListSessions:
    async def test_returns_own_sessions_most_recently_used_first(self, client: Client) -> None:
        user = await client.new_user()
        first, second = await client.login(user), await client.login(user)
        await client.login(await client.new_user())
        await me(client, second)
        first = await refresh(client, first)
        found = await sessions_of(client, first)
        assert [session.current for session in found] == [True, False]
        assert found[0].create_time.ToNanoseconds() < found[0].last_used_time.ToNanoseconds()
        assert [session.current for session in await sessions_of(client, second)] == [False, True]

    async def test_leaves_out_sessions_that_have_ended(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        user = await client.new_user()
        await client.login(user)
        await database.execute(
            "UPDATE sessions SET expiry = now() WHERE user_id = $1", UUID(user.id)
        )
        assert len(await sessions_of(client, await client.login(user))) == 1

    async def test_has_the_user_agent_of_the_login(
        self, rest: httpx2.AsyncClient, one_client: Client
    ) -> None:
        user = await one_client.new_user()
        login = {"username": user.id, "password": user.password}
        agent = "LiftLog/4.2 (Android 16)" + "x" * 300
        agents = {"user-agent": agent}
        tokens = (await rest.post("/auth/login", json=login, headers=agents)).json()
        # That of the call does not matter.
        authorization = {"authorization": f"Bearer {tokens['access_token']}"}
        [session] = (await rest.get("/auth/sessions", headers=authorization)).json()["sessions"]
        assert session.keys() == {"id", "createTime", "lastUsedTime", "current", "userAgent"}
        assert (session["current"], session["userAgent"]) == (True, agent[:200])


class TestDeleteSession:
    async def test_ends_the_session_at_once(self, client: Client) -> None:
        user = await client.new_user()
        mine, lost = await client.login(user), await client.login(user)
        [lost_id] = [s.id for s in await sessions_of(client, mine) if not s.current]
        await delete(client, mine, lost_id)
        await assert_dead(client, lost)
        await me(client, mine)

    async def test_may_end_the_current_one(self, client: Client) -> None:
        mine = await client.login(await client.new_user())
        await delete(client, mine, (await sessions_of(client, mine))[0].id)
        await assert_dead(client, mine)

    async def test_does_not_find_sessions_of_others(self, client: Client) -> None:
        mine, others = [await client.login(await client.new_user()) for _ in range(2)]
        [other] = await sessions_of(client, others)
        for session_id in (other.id, SOME_UUID):
            call = delete(client, mine, session_id)
            assert await refusal(call) == f"{StatusCode.NOT_FOUND.name} SESSION_NOT_FOUND"
        await me(client, others)


class TestUpdateAccount:
    async def test_changes_only_fields_that_are_sent(self, client: Client) -> None:
        tokens = await client.login(await client.new_user())
        assert not (await me(client, tokens)).import_backups
        for sent, expected in ((True, True), (None, True), (False, False), (None, False)):
            changed = await client.accounts.UpdateAccount(
                auth_pb2.UpdateAccountRequest(import_backups=sent), metadata=bearer(tokens)
            )
            assert changed == await me(client, tokens)
            assert changed.import_backups is expected

    async def test_null_keeps_the_setting_over_rest(
        self, rest: httpx2.AsyncClient, one_client: Client
    ) -> None:
        authorization = dict(bearer(await one_client.login(await one_client.new_user())))
        for body in ({"importBackups": True}, {"importBackups": None}, {}, {"other": 1}):
            changed = await rest.patch("/auth/me", json=body, headers=authorization)
            assert (changed.status_code, changed.json()["importBackups"]) == (200, True)
