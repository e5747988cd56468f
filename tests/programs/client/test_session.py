"""The session file, and renewing its tokens."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from gymlocker.v2 import auth_pb2

from server.errors import StartError
from server.programs.client.connection import Connection, connected
from server.programs.client.session import Session, SessionFile, session_file
from tests.programs.client.conftest import Gymlocker
from tests.programs.client.fakes import FakeGymlocker
from tests.programs.client.process import run
from tests.support.client import Client, User


def expire(file: SessionFile) -> Session:
    """Let the access token expire, and make it one that the server rejects."""
    expired = replace(file.load(), expires=time.time() - 1, access_token="a.b.c")
    file.save(expired)
    return expired


async def refresh_tokens(database: asyncpg.Connection, user: User) -> int:
    """Return the number of the user's refresh tokens: one more than the renewals."""
    query = "SELECT count(*) FROM refresh_tokens WHERE user_id = $1"
    count: int = await database.fetchval(query, UUID(user.id))
    return count


async def who_am_i(connection: Connection) -> auth_pb2.Account:
    return await connection.call(connection.accounts.GetMe, auth_pb2.GetMeRequest())


class TestSessionFile:
    def test_path_follows_environment(self) -> None:
        home = Path.home() / ".config/gymlocker/session.json"
        named = {"GYMLOCKER_SESSION": "/a/b.json", "XDG_CONFIG_HOME": "/c"}
        assert session_file(named).path == Path("/a/b.json")
        assert session_file({"XDG_CONFIG_HOME": "/c"}).path == Path("/c/gymlocker/session.json")
        assert session_file({"XDG_CONFIG_HOME": "relative"}).path == home
        assert session_file({}).path == home

    @pytest.mark.parametrize(
        "content", ["", "{", "[]", "{}", '{"url": 1}', "\x00", '{"url": "a", "more": 1}']
    )
    def test_rejects_file_without_session(
        self, gymlocker: Gymlocker, file: SessionFile, content: str
    ) -> None:
        file.path.parent.mkdir()
        file.path.touch(mode=0o600)
        file.path.write_text(content)
        ended = gymlocker("workouts", "list")
        assert (ended.code, ended.output) == (1, "")
        assert ended.errors == (
            f"{file.path} does not contain a session: run `gymlocker login` to replace it.\n"
        )

    def test_rejects_values_of_wrong_type(self, file: SessionFile) -> None:
        file.path.parent.mkdir()
        file.path.touch(mode=0o600)
        file.path.write_text(
            '{"url": "u", "username": "n", "expires": "soon", '
            '"access_token": "", "refresh_token": ""}'
        )
        with pytest.raises(StartError, match="does not contain a session"):
            file.load()

    def test_rejects_path_without_folder(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        file = SessionFile(tmp_path / "file" / "session.json")

        async def lock() -> None:
            async with file.locked():
                pass

        with pytest.raises(StartError, match=r"not usable .*GYMLOCKER_SESSION"):
            asyncio.run(lock())


class TestSession:
    def test_omits_tokens_from_repr(self, fake: FakeGymlocker) -> None:
        assert "access-0" not in repr(fake.session())
        assert "refresh-0" not in repr(fake.session())


class TestRenewal:
    async def test_renews_expiring_token_before_call(
        self,
        logged_in: SessionFile,
    ) -> None:
        before = expire(logged_in)
        async with connected(logged_in) as connection:
            await who_am_i(connection)
        after = logged_in.load()
        assert after.is_fresh
        assert after.refresh_token != before.refresh_token
        assert (after.url, after.username) == (before.url, before.username)

    async def test_renews_rejected_token(self, logged_in: SessionFile) -> None:
        before = replace(logged_in.load(), access_token="a.b.c")
        logged_in.save(before)
        async with connected(logged_in) as connection:
            await who_am_i(connection)
        assert logged_in.load().refresh_token != before.refresh_token

    async def test_renews_once_for_concurrent_calls(
        self, logged_in: SessionFile, database: asyncpg.Connection, user: User
    ) -> None:
        expire(logged_in)

        async def command() -> None:
            async with connected(logged_in) as connection:
                await who_am_i(connection)

        await asyncio.gather(*(command() for _ in range(5)))
        assert await refresh_tokens(database, user) == 2

    async def test_renews_once_for_concurrent_commands(
        self, logged_in: SessionFile, database: asyncpg.Connection, user: User
    ) -> None:
        expire(logged_in)
        ended = await asyncio.gather(
            *(asyncio.to_thread(run, "workouts", "list") for _ in range(2))
        )
        assert [(each.code, each.errors) for each in ended] == [(0, "")] * 2
        assert await refresh_tokens(database, user) == 2

    async def test_does_not_use_session_of_another_user(
        self, logged_in: SessionFile, fake: FakeGymlocker
    ) -> None:
        # The fixture `fake` has stored its own session in the file.
        async with connected(logged_in) as connection:
            other = replace(fake.session(expires_in=-1), username="ben")
            connection._session = other
            with pytest.raises(StartError, match="Another user has logged in meanwhile"):
                await who_am_i(connection)
        assert fake.exchanged == []

    async def test_stores_new_tokens_on_ctrl_c(
        self, file: SessionFile, fake: FakeGymlocker
    ) -> None:
        file.save(fake.session(expires_in=-1))
        async with connected(file) as connection:
            call = asyncio.create_task(who_am_i(connection))
            await asyncio.to_thread(fake.reached.wait)
            call.cancel()
            fake.proceed.set()
            with pytest.raises(asyncio.CancelledError):
                await call
        assert file.load().refresh_token == "refresh-1"

    async def test_reports_ended_session(self, client: Client, logged_in: SessionFile) -> None:
        session = logged_in.load()
        await client.accounts.Logout(auth_pb2.LogoutRequest(refresh_token=session.refresh_token))
        for _ in range(2):
            async with connected(logged_in) as connection:
                with pytest.raises(
                    StartError, match=f"has ended: run `gymlocker login --url {session.url}`"
                ):
                    await who_am_i(connection)
            # The refresh token is rejected with the same sentence.
            expire(logged_in)
