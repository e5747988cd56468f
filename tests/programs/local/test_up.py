"""`gymlocker up` from end to end."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from gymlocker.v2 import inbox_pb2, inbox_pb2_grpc, user_pb2, user_pb2_grpc

from tests.support.ports import free_port
from tests.support.waiting import TIMEOUT, processes_of, wait_until

pytestmark = pytest.mark.extended

COMMAND = (sys.executable, "-P", "-m", "server", "up")


@dataclass
class Running:
    """One `gymlocker up`, and the files of its output."""

    folder: Path
    port: int
    process: subprocess.Popen[str]
    output: Path
    log: Path

    @property
    def printed(self) -> list[str]:
        return self.output.read_text().splitlines(keepends=True)

    @property
    def errors(self) -> str:
        return self.log.read_text()

    def until_ready(self) -> None:
        wait_until(lambda: self.printed != [] or self.process.poll() is not None)
        assert self.process.poll() is None, self.errors

    def healthy(self) -> bool:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.port}/health", timeout=2
            ) as response:
                return bool(json.load(response) == {"status": "ok"})
        except OSError:
            return False

    def find(self, word: str) -> psutil.Process | None:
        """Find the child whose command line contains `word`, as a word or the name of a program."""
        for child in psutil.Process(self.process.pid).children():
            try:
                # Whole words only: the path of PostgreSQL contains "serve".
                if word in (Path(part).name for part in child.cmdline()):
                    return child
            except psutil.NoSuchProcess:
                continue
        return None

    def stop(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(TIMEOUT)


@contextmanager
def up(folder: Path, port: int | None = None, **environment: str) -> Iterator[Running]:
    port = port or free_port()
    output, log = folder.with_name("output"), folder.with_name("log")
    with (
        output.open("w") as printed,
        log.open("w") as reported,
        subprocess.Popen(
            [*COMMAND, "--port", str(port), "--workers", "1", "--data-dir", str(folder)],
            stdout=printed,
            stderr=reported,
            text=True,
            cwd=folder.parent,
            env={**os.environ, **environment},
        ) as process,
    ):
        try:
            yield Running(folder, port, process, output, log)
        finally:
            if process.poll() is None:
                process.kill()
    wait_until(lambda: not processes_of(folder))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A running stack, for the tests that leave it running."""
    with up(tmp_path_factory.mktemp("stack") / "data") as running:
        running.until_ready()
        yield running


class TestRunning:
    def test_prints_url_and_commands(self, stack: Running) -> None:
        url = f"http://127.0.0.1:{stack.port}"
        assert stack.printed[0] == f"Gymlocker is ready at {url}\n"
        wait_until(lambda: len(stack.printed) >= 5)
        assert stack.printed[1:4] == [
            f"  curl {url}/health\n",
            f"  grpcurl -plaintext 127.0.0.1:{stack.port} list\n",
            f"  uv run gymlocker demo --url {url}\n",
        ]
        assert stack.healthy()

    def test_second_stack_on_folder_is_rejected_in_one_sentence(self, stack: Running) -> None:
        second = subprocess.run(
            [*COMMAND, "--port", str(free_port()), "--data-dir", str(stack.folder)],
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert second.returncode == 1
        assert second.stdout == ""
        assert second.stderr.count("\n") <= 2
        assert f"(process {stack.process.pid})" in " ".join(second.stderr.split())
        assert stack.healthy()

    def test_taken_port_is_rejected_in_one_sentence(self, stack: Running, tmp_path: Path) -> None:
        with up(tmp_path / "data", stack.port) as second:
            assert second.process.wait(TIMEOUT) == 1
            wait_until(lambda: f"Port {stack.port}" in second.errors)
            assert "Traceback" not in second.errors
            assert second.printed == []

    @pytest.mark.parametrize("word", ["serve", "postgres", "envoy"])
    def test_killed_process_is_restarted(self, stack: Running, word: str) -> None:
        victim = stack.find(word)
        assert victim is not None
        victim.kill()
        wait_until(lambda: stack.find(word) not in (None, victim))
        wait_until(stack.healthy)


@contextmanager
def open_streams(port: int, number: int) -> Iterator[None]:
    """Watch an inbox by so many streams."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        # The stubs are typed for channels of grpc.aio.
        users: Any = user_pb2_grpc.UserServiceStub(channel)  # type: ignore[arg-type]
        user = users.CreateUser(user_pb2.CreateUserRequest(), wait_for_ready=True)
        request = inbox_pb2.WatchInboxRequest(user_id=user.id, password=user.password)
        inbox: Any = inbox_pb2_grpc.InboxServiceStub(channel)  # type: ignore[arg-type]
        streams: list[Any] = [inbox.WatchInbox(request) for _ in range(number)]
        for stream in streams:
            assert next(stream).waiting.count == 0
        yield


def stops_with_all(running: Running, number: signal.Signals) -> None:
    assert running.stop(number) == 0
    assert processes_of(running.folder) == []
    assert not (running.folder / "run").exists()
    assert "Traceback" not in running.errors


class TestStop:
    def test_signal_stops_all_processes(self, tmp_path: Path) -> None:
        with up(tmp_path / "data") as running:
            running.until_ready()
            stops_with_all(running, signal.SIGTERM)

    def test_ctrl_c_does_not_wait_for_open_streams(self, tmp_path: Path) -> None:
        with up(tmp_path / "data") as running:
            running.until_ready()
            with open_streams(running.port, 20):
                stops_with_all(running, signal.SIGINT)

    @pytest.mark.parametrize(
        ("phase", "number"),
        [
            ("creating the database", signal.SIGTERM),
            ("starting PostgreSQL", signal.SIGINT),
            ("migrating", signal.SIGTERM),
            ("starting 1", signal.SIGHUP),
            ("starting Envoy", signal.SIGTERM),
        ],
    )
    def test_signal_during_start_stops_all_processes(
        self, tmp_path: Path, phase: str, number: signal.Signals
    ) -> None:
        with up(tmp_path / "data") as running:
            wait_until(lambda: phase in running.errors)
            assert running.stop(number) == 0
            assert processes_of(running.folder) == []
            assert "Traceback" not in running.errors

    def test_kill_ends_all_processes_and_next_start_succeeds(self, tmp_path: Path) -> None:
        port = free_port()
        with up(tmp_path / "data", port) as running:
            running.until_ready()
            running.process.kill()
            running.process.wait()
        with up(tmp_path / "data", port) as running:
            running.until_ready()
            assert running.healthy()
            stops_with_all(running, signal.SIGINT)


class TestStart:
    def test_unreachable_database_is_reported_in_one_sentence(self, tmp_path: Path) -> None:
        url = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
        with up(tmp_path / "data", DATABASE_URL=url) as running:
            assert running.process.wait(TIMEOUT) == 1
            wait_until(lambda: "DATABASE_URL" in running.errors)
            assert "Traceback" not in running.errors
            assert not (running.folder / "postgres").exists()
