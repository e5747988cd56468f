"""The session's file, and renewing its tokens."""

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
    """Lets time pass: the access token is one that the server no longer takes."""
    expired = replace(file.load(), expires=time.time() - 1, access_token="a.b.c")
    file.save(expired)
    return expired


async def refresh_tokens(database: asyncpg.Connection, user: User) -> int:
    """How many refresh tokens the user's sessions have had: one more than renewals."""
    query = "SELECT count(*) FROM refresh_tokens WHERE user_id = $1"
    count: int = await database.fetchval(query, UUID(user.id))
    return count


async def who_am_i(connection: Connection) -> auth_pb2.Account:
    return await connection.call(connection.accounts.GetMe, auth_pb2.GetMeRequest())


def test_the_file_is_where_the_environment_says() -> None:
    home = Path.home() / ".config/gymlocker/session.json"
    named = {"GYMLOCKER_SESSION": "/a/b.json", "XDG_CONFIG_HOME": "/c"}
    assert session_file(named).path == Path("/a/b.json")
    assert session_file({"XDG_CONFIG_HOME": "/c"}).path == Path("/c/gymlocker/session.json")
    assert session_file({"XDG_CONFIG_HOME": "relative"}).path == home
    assert session_file({}).path == home


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"url": 1}', "\x00", '{"url": "a", "more": 1}']
)
def test_a_file_that_holds_no_session(
    gymlocker: Gymlocker, file: SessionFile, content: str
) -> None:
    file.path.parent.mkdir()
    file.path.touch(mode=0o600)
    file.path.write_text(content)
    ended = gymlocker("workouts", "list")
    assert (ended.code, ended.output) == (1, "")
    assert ended.errors == (
        f"{file.path} holds no session: run `gymlocker login`, which writes it anew.\n"
    )


def test_a_file_whose_values_are_wrong(file: SessionFile) -> None:
    file.path.parent.mkdir()
    file.path.touch(mode=0o600)
    file.path.write_text(
        '{"url": "u", "username": "n", "expires": "soon", "access_token": "", "refresh_token": ""}'
    )
    with pytest.raises(StartError, match="holds no session"):
        file.load()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    file = SessionFile(tmp_path / "file" / "session.json")

    async def lock() -> None:
        async with file.locked():
            pass

    with pytest.raises(StartError, match=r"not usable .*GYMLOCKER_SESSION"):
        asyncio.run(lock())


def test_a_session_keeps_its_tokens_to_itself(fake: FakeGymlocker) -> None:
    assert "access-0" not in repr(fake.session())
    assert "refresh-0" not in repr(fake.session())


async def test_an_access_token_that_expires_is_renewed_before_it_is_sent(
    logged_in: SessionFile,
) -> None:
    before = expire(logged_in)
    async with connected(logged_in) as connection:
        await who_am_i(connection)
    after = logged_in.load()
    assert after.is_fresh
    assert after.refresh_token != before.refresh_token
    assert (after.url, after.username) == (before.url, before.username)


async def test_an_access_token_that_the_server_refuses_is_renewed(logged_in: SessionFile) -> None:
    before = replace(logged_in.load(), access_token="a.b.c")
    logged_in.save(before)
    async with connected(logged_in) as connection:
        await who_am_i(connection)
    assert logged_in.load().refresh_token != before.refresh_token


async def test_one_of_many_renews_and_the_others_use_what_it_got(
    logged_in: SessionFile, database: asyncpg.Connection, user: User
) -> None:
    expire(logged_in)

    async def command() -> None:
        async with connected(logged_in) as connection:
            await who_am_i(connection)

    await asyncio.gather(*(command() for _ in range(5)))
    assert await refresh_tokens(database, user) == 2


async def test_two_commands_at_the_same_time(
    logged_in: SessionFile, database: asyncpg.Connection, user: User
) -> None:
    expire(logged_in)
    ended = await asyncio.gather(*(asyncio.to_thread(run, "workouts", "list") for _ in range(2)))
    assert [(each.code, each.errors) for each in ended] == [(0, "")] * 2
    assert await refresh_tokens(database, user) == 2


async def test_a_session_of_somebody_else_is_not_used(
    logged_in: SessionFile, fake: FakeGymlocker
) -> None:
    # `fake` put its own session into the file.
    async with connected(logged_in) as connection:
        other = replace(fake.session(expires_in=-1), username="ben")
        connection._session = other
        with pytest.raises(StartError, match="Somebody else logged in meanwhile"):
            await who_am_i(connection)
    assert fake.spent == []


async def test_new_tokens_are_kept_when_ctrl_c_comes_between(
    file: SessionFile, fake: FakeGymlocker
) -> None:
    file.save(fake.session(expires_in=-1))
    async with connected(file) as connection:
        call = asyncio.create_task(who_am_i(connection))
        await asyncio.to_thread(fake.reached.wait)
        call.cancel()
        fake.go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert file.load().refresh_token == "refresh-1"


async def test_a_session_that_has_ended(client: Client, logged_in: SessionFile) -> None:
    session = logged_in.load()
    await client.accounts.Logout(auth_pb2.LogoutRequest(refresh_token=session.refresh_token))
    for _ in range(2):
        async with connected(logged_in) as connection:
            with pytest.raises(
                StartError, match=f"has ended: run `gymlocker login --url {session.url}`"
            ):
                await who_am_i(connection)
        # And not otherwise when it is the refresh token that says so.
        expire(logged_in)
