"""Registering, logging in and logging out."""

import json
import os
import pty
import select
import stat
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import grpc
import pytest
from gymlocker.v2 import auth_pb2

from server.errors import StartError
from server.programs.client import account, prompts
from server.programs.client.session import Session, SessionFile
from tests.programs.client.conftest import Gymlocker
from tests.programs.client.fakes import FakeGymlocker
from tests.programs.client.process import run
from tests.support.client import Client, User, bearer, refused
from tests.support.stack import Stack

pytestmark = pytest.mark.extended


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def password(monkeypatch: pytest.MonkeyPatch, user: User) -> str:
    """Answer the prompt for a password with the user's, and return it."""
    monkeypatch.setattr(prompts, "read_password", lambda **_: user.password)
    return user.password


def _tokens(session: Session) -> auth_pb2.Tokens:
    return auth_pb2.Tokens(access_token=session.access_token)


def _read_until(terminal: int, text: bytes) -> bytes:
    shown = b""
    deadline = time.monotonic() + 20
    while text not in shown:
        ready, _, _ = select.select([terminal], [], [], deadline - time.monotonic())
        assert ready, shown
        shown += os.read(terminal, 4096)
    return shown


class TestRegister:
    def test_starts_session_for_all_commands(self, stack: Stack, file: SessionFile) -> None:
        name, password = f"Ada {uuid4().hex[:8]}", "correct horse battery"
        registered = run("register", name, f"--url={stack.url}", stdin=f"{password}\n".encode())
        assert registered.code == 0, registered.errors
        assert registered.output == f"{name} is registered and logged in at {stack.url}.\n"

        assert run("workouts", "add", "2026-02-07", "Running", "45", "--notes=rain").code == 0
        listed = run("workouts", "list")
        [(date, _, *rest)] = [line.split() for line in listed.output.splitlines()[1:]]
        assert (date, rest) == ("2026-02-07", ["Running", "45", "min", "rain"])
        tokens = json.loads(file.path.read_text())
        assert run("logout").output == f"{name} is logged out.\n"
        assert run("workouts", "list").errors == "You are not logged in: run `gymlocker login`.\n"

        printed = registered.output + registered.errors + listed.output + listed.errors
        secrets = (password, tokens["access_token"], tokens["refresh_token"])
        assert not any(secret in printed for secret in secrets)

    async def test_rejects_taken_username(
        self, stack: Stack, file: SessionFile, client: Client
    ) -> None:
        user = await client.new_user()
        name = f"Ada {uuid4()}"
        await client.accounts.ClaimUsername(
            auth_pb2.ClaimUsernameRequest(username=name), metadata=bearer(await client.login(user))
        )
        with pytest.raises(StartError, match="The username is taken: choose another one"):
            await account.register(file, stack.url, name.upper(), "correct horse battery")
        assert not file.path.exists()

    def test_reports_invalid_username(
        self, stack: Stack, gymlocker: Gymlocker, password: str
    ) -> None:
        ended = gymlocker("register", "ab", f"--url={stack.url}")
        assert (ended.code, ended.output) == (1, "")
        assert ended.errors.startswith("The server rejected the request. username: ")


class TestLogin:
    @pytest.mark.parametrize("how", ["id", "lookup"])
    def test_stores_session_readable_by_owner_only(
        self,
        stack: Stack,
        gymlocker: Gymlocker,
        file: SessionFile,
        user: User,
        password: str,
        how: str,
    ) -> None:
        name = user.id if how == "id" else user.lookup
        assert gymlocker("login", name, f"--url={stack.url}/").code == 0
        assert (mode(file.path), mode(file.path.parent)) == (0o600, 0o700)
        assert file.load().url == stack.url
        left = {each.name for each in file.path.parent.iterdir()}
        assert left == {"session.json", "session.json.lock"}

    def test_fixes_permissions_with_warning(
        self, gymlocker: Gymlocker, logged_in: SessionFile
    ) -> None:
        logged_in.path.chmod(0o644)
        ended = gymlocker("workouts", "list")
        assert ended.code == 0
        assert ended.errors.startswith(
            f"{logged_in.path} was readable by others; its permissions are fixed now."
        )
        assert mode(logged_in.path) == 0o600
        assert gymlocker("workouts", "list").errors == ""

    def test_rejects_wrong_password(
        self,
        stack: Stack,
        gymlocker: Gymlocker,
        file: SessionFile,
        user: User,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(prompts, "read_password", lambda **_: "wrong")
        ended = gymlocker("login", user.id, f"--url={stack.url}")
        assert (ended.code, ended.output) == (1, "")
        assert ended.errors == "The username or password is wrong: try again.\n"
        assert not file.path.exists()

    async def test_ends_previous_session(
        self, stack: Stack, client: Client, logged_in: SessionFile, user: User
    ) -> None:
        before = logged_in.load()
        await account.login(logged_in, stack.url, user.id, user.password)
        with refused(grpc.StatusCode.UNAUTHENTICATED):
            await client.accounts.GetMe(auth_pb2.GetMeRequest(), metadata=bearer(_tokens(before)))
        await client.accounts.GetMe(
            auth_pb2.GetMeRequest(), metadata=bearer(_tokens(logged_in.load()))
        )

    def test_does_not_echo_typed_password(
        self, stack: Stack, file: SessionFile, user: User
    ) -> None:
        terminal, inside = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "server", "login", user.id, f"--url={stack.url}"],
            stdin=inside,
            stdout=inside,
            stderr=inside,
            start_new_session=True,
        )
        os.close(inside)
        shown = _read_until(terminal, b"Password: ")
        os.write(terminal, user.password.encode() + b"\n")
        shown += _read_until(terminal, b"is logged in at")
        assert process.wait(60) == 0
        os.close(terminal)
        assert user.password.encode() not in shown
        assert file.load().username == user.id


class TestLogout:
    async def test_ends_session_on_server(self, client: Client, logged_in: SessionFile) -> None:
        session = await account.logout(logged_in)
        assert session is not None
        with refused(grpc.StatusCode.UNAUTHENTICATED):
            await client.accounts.GetMe(auth_pb2.GetMeRequest(), metadata=bearer(_tokens(session)))
        assert not logged_in.path.exists()

    def test_deletes_session_if_server_is_unreachable(
        self, gymlocker: Gymlocker, fake: FakeGymlocker, file: SessionFile
    ) -> None:
        fake.stop()
        ended = gymlocker("logout")
        assert ended.code == 1
        assert "You are logged out here, but the server at" in ended.errors
        assert not file.path.exists()
        assert gymlocker("logout").output == "You were not logged in.\n"
