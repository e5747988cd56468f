"""Ctrl-C, and a command that is stopped: nothing is left behind."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest

from tests.programs.administration.conftest import Query
from tests.support.process import killed_on_error
from tests.support.waiting import TIMEOUT, processes_of, wait_until

pytestmark = pytest.mark.extended

COMMAND = (sys.executable, "-P", "-m", "server")
WAITS = (
    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'relation'"
)


@contextmanager
def locked_table(url: str, mode: str) -> Iterator[None]:
    """Keep a lock on a table that a dump and a restore want."""
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(url))
        try:
            runner.run(connection.execute("BEGIN"))
            runner.run(connection.execute(f"LOCK TABLE users IN {mode} MODE"))
            yield
        finally:
            runner.run(connection.close())


class TestInterruption:
    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_backup_leaves_no_file(
        self, query: Query, database_url: str, tmp_path: Path, number: signal.Signals, code: int
    ) -> None:
        with locked_table(database_url, "ACCESS EXCLUSIVE"):
            ended = interrupted(query, tmp_path, number, "db", "backup", "x.dump")
        assert ended == code
        assert list(tmp_path.iterdir()) == []

    def test_restore_changes_nothing(self, query: Query, database_url: str, tmp_path: Path) -> None:
        command = [*COMMAND, "db", "backup", "x.dump"]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
        query("INSERT INTO invitations VALUES ('x', now(), now())")
        with locked_table(database_url, "ACCESS SHARE"):
            arguments = ("db", "restore", "x.dump", "--replace", "--yes")
            assert interrupted(query, tmp_path, signal.SIGINT, *arguments) == 130
        assert query("SELECT hash FROM invitations") == [(b"x",)]
        assert [path.name for path in tmp_path.iterdir()] == ["x.dump"]


def interrupted(query: Query, folder: Path, number: signal.Signals, *arguments: str) -> int:
    """Run a command until it waits for the lock, and stop it; return its exit code."""
    with killed_on_error(
        subprocess.Popen([*COMMAND, *arguments], cwd=folder, stderr=subprocess.PIPE)
    ) as process:
        wait_until(lambda: query(WAITS) != [] or process.poll() is not None)
        children = psutil.Process(process.pid).children(recursive=True)
        assert children
        process.send_signal(number)
        code = process.wait(TIMEOUT)
    assert not any(child.is_running() for child in children)
    return code


class TestEmbedded:
    def test_interrupted_command_stops_postgresql(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("DATABASE_URL", raising=False)
        folder = tmp_path / "data"
        arguments = ("migrate", "--data-dir", str(folder))
        subprocess.run([*COMMAND, *arguments], cwd=tmp_path, check=True, capture_output=True)
        command = [*COMMAND, "db", "backup", "x.dump", "--data-dir", str(folder)]
        with killed_on_error(
            subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE)
        ) as process:
            wait_until((folder / "postgres" / "data" / "postmaster.pid").exists)
            process.send_signal(signal.SIGINT)
            assert process.wait(TIMEOUT) == 130
        assert processes_of(folder) == []
        assert [path.name for path in tmp_path.iterdir()] == ["data"]
        listed = subprocess.run(
            [*COMMAND, "users", "list", "--json", "--data-dir", str(folder)],
            cwd=tmp_path,
            capture_output=True,
        )
        assert (listed.returncode, listed.stdout) == (0, b"[]\n")
