"""Somebody with a session file, and the command `gymlocker` as they type it."""

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from server.programs.cli.app import main
from server.programs.client.session import SessionFile, session_of
from server.programs.demo.transport import RestTransport, Transport
from tests.programs.client.fakes import FakeGymlocker
from tests.support.client import Client, User
from tests.support.command import Ended
from tests.support.stack import Stack

Gymlocker = Callable[..., Ended]


@pytest.fixture
async def transport(stack: Stack) -> AsyncIterator[Transport]:
    """How tests prepare what they need: once, and beside the event loops of the commands."""
    transport = RestTransport(stack.url)
    yield transport
    await transport.close()


@pytest.fixture
async def user(client: Client) -> User:
    return await client.new_user()


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SessionFile:
    """Where the session of the test's commands is kept; nobody is logged in."""
    path = tmp_path / "gymlocker" / "session.json"
    monkeypatch.setenv("GYMLOCKER_SESSION", str(path))
    return SessionFile(path)


@pytest.fixture
async def logged_in(stack: Stack, client: Client, user: User, file: SessionFile) -> SessionFile:
    """The session of `user`."""
    file.path.parent.mkdir()
    file.save(session_of(stack.url, user.id, await client.login(user)))
    return file


@pytest.fixture
def fake(file: SessionFile) -> Iterator[FakeGymlocker]:
    """A server that can be made to fail, where somebody is logged in."""
    fake = FakeGymlocker()
    fake.start()
    file.path.parent.mkdir(exist_ok=True)
    file.save(fake.session())
    yield fake
    fake.stop()


@pytest.fixture
def gymlocker(
    file: SessionFile, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Gymlocker:
    """Runs a command in this process, which takes a tenth of the time."""

    def run(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["gymlocker", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        code = ended.value.code
        return Ended(code if isinstance(code, int) else 0, printed.out, printed.err)

    return run
