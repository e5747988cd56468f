"""The database that the commands work on."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from server.errors import StartError
from server.programs.administration import database_in_use as module
from server.programs.administration.database_in_use import database_in_use, exists, open_database
from server.programs.local.data_directory import locked
from tests.libraries.database.test_migrations import run_alembic
from tests.programs.administration.conftest import Gymlocker
from tests.support.stack import running_stack
from tests.support.waiting import processes_of, wait_until

COMMAND = (sys.executable, "-P", "-m", "server")


@pytest.fixture(autouse=True)
def no_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)


class TestWithoutDatabase:
    def test_is_named_and_nothing_is_created(self, gymlocker: Gymlocker, tmp_path: Path) -> None:
        ended = gymlocker("users", "list")
        assert (ended.code, ended.output) == (1, "")
        assert ended.errors == (
            "There is no database in .gymlocker: start `gymlocker up` first, pass its folder with "
            "--data-dir, or set DATABASE_URL.\n"
        )
        assert not (tmp_path / ".gymlocker").exists()
        assert not exists(tmp_path)


class TestOpenDatabase:
    async def test_rejects_older_schema(
        self, empty_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        await run_alembic(empty_url, "upgrade", "feed@feed_0014")
        monkeypatch.setenv("DATABASE_URL", empty_url)
        with pytest.raises(StartError, match=r"not up to date. Run: gymlocker migrate$"):
            async with open_database(tmp_path, "gymlocker users list"):
                pass


class TestLockedFolder:
    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr(module, "TIMEOUT", 0.3)
        (tmp_path / "postgres" / "data").mkdir(parents=True)
        return tmp_path

    async def test_by_command_is_named_after_timeout(self, folder: Path) -> None:
        with (
            locked(folder, "gymlocker db backup"),
            pytest.raises(StartError, match=rf"^`gymlocker db backup` .*{os.getpid()}.*wait"),
        ):
            async with database_in_use(folder, "gymlocker users list"):
                pass

    async def test_by_up_on_other_database_is_named_after_timeout(self, folder: Path) -> None:
        with locked(folder), pytest.raises(StartError, match=r"with DATABASE_URL, set it for this"):
            async with database_in_use(folder, "gymlocker users list"):
                pass

    async def test_by_up_is_refused_at_once_if_exclusive(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "TIMEOUT", 60.0)
        with locked(folder), pytest.raises(StartError, match=r"^Gymlocker is already running on"):
            async with database_in_use(folder, "gymlocker db restore", exclusive=True):
                pass


@pytest.mark.extended
class TestEmbedded:
    def test_commands_share_stack_survive_its_death_and_then_take_turns(
        self, tmp_path: Path
    ) -> None:
        with running_stack(tmp_path / "data") as stack:
            assert concurrent_lists(tmp_path) == [0, 0]
            stack.process.send_signal(signal.SIGKILL)
            stack.process.wait()
            assert concurrent_lists(tmp_path) == [0, 0]
        wait_until(lambda: processes_of(tmp_path / "data") == [])


def concurrent_lists(folder: Path) -> list[int]:
    """List users by two commands at once; return their exit codes."""
    command = [*COMMAND, "users", "list", "--json", "--data-dir", str(folder / "data")]
    started = [subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) for _ in range(2)]
    return [process.wait(120) for process in started]
