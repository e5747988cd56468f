"""Fixtures of the client's tests: a session file, and the command `gymlocker`."""

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from server.programs.cli.app import main
from server.programs.client.session import SessionFile, session_of
from server.programs.demo.transport import RestTransport, Transport
from tests.programs.client.fakes import FakeGymlocker
from tests.support.client import Client, User
from tests.support.command import Result
from tests.support.stack import Stack

Gymlocker = Callable[..., Result]


@pytest.fixture
async def transport(stack: Stack) -> AsyncIterator[Transport]:
    """Return the transport that prepares data, outside the event loops of the commands."""
    transport = RestTransport(stack.url)
    yield transport
    await transport.close()


@pytest.fixture
async def user(client: Client) -> User:
    return await client.new_user()


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SessionFile:
    """Return the session file of the test's commands, without a session."""
    path = tmp_path / "gymlocker" / "session.json"
    monkeypatch.setenv("GYMLOCKER_SESSION", str(path))
    return SessionFile(path)


@pytest.fixture
async def logged_in(stack: Stack, client: Client, user: User, file: SessionFile) -> SessionFile:
    """Return the session file of `user`, who is logged in."""
    file.path.parent.mkdir()
    file.save(session_of(stack.url, user.id, await client.login(user)))
    return file


@pytest.fixture
def fake(file: SessionFile) -> Iterator[FakeGymlocker]:
    """Yield a server that fails on demand, with a user logged in."""
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
    """Return a function that runs a command in this process, at a tenth of the time."""

    def run(*arguments: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["gymlocker", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        code = ended.value.code
        return Result(code if isinstance(code, int) else 0, printed.out, printed.err)

    return run
