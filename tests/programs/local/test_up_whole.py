"""The whole of `gymlocker up`, as a person runs it."""

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from tests.support.ports import free_port
from tests.support.waiting import TIMEOUT, processes_of, wait_until

COMMAND = (sys.executable, "-P", "-m", "server", "up")


@dataclass
class Running:
    """One `gymlocker up` and what it has said so far."""

    folder: Path
    port: int
    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)
    reported: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for stream, lines in (
            (self.process.stdout, self.said),
            (self.process.stderr, self.reported),
        ):
            threading.Thread(target=lambda s=stream, k=lines: k.extend(s), daemon=True).start()

    @property
    def all_said(self) -> str:
        return "".join(self.said)

    @property
    def all_reported(self) -> str:
        return "".join(self.reported)

    def until_ready(self) -> None:
        wait_until(lambda: self.said != [] or self.process.poll() is not None)
        assert self.process.poll() is None, self.all_reported

    def healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=2) as reply:
                return bool(json.load(reply) == {"status": "ok"})
        except OSError:
            return False

    def find(self, word: str) -> psutil.Process | None:
        """The child of whose command line `word` is a program's name, or a word."""
        for child in psutil.Process(self.process.pid).children():
            try:
                # The whole word: PostgreSQL lies in a folder whose name has "serve" in it.
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
    with subprocess.Popen(
        [*COMMAND, "--port", str(port), "--workers", "1", "--data-dir", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder.parent,
        env={**os.environ, **environment},
    ) as process:
        try:
            yield Running(folder, port, process)
        finally:
            if process.poll() is None:
                process.kill()
    wait_until(lambda: not processes_of(folder))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One that is up, for the tests that leave it up."""
    with up(tmp_path_factory.mktemp("house") / "data") as running:
        running.until_ready()
        yield running


def test_it_says_where_it_is_and_what_to_try(stack: Running) -> None:
    url = f"http://127.0.0.1:{stack.port}"
    assert stack.said[0] == f"Gymlocker is ready at {url}\n"
    wait_until(lambda: len(stack.said) >= 5)
    assert stack.said[1:4] == [
        f"  curl {url}/health\n",
        f"  grpcurl -plaintext 127.0.0.1:{stack.port} list\n",
        f"  uv run gymlocker demo --url {url}\n",
    ]
    assert stack.healthy()


def test_a_second_one_on_the_same_folder_ends_with_one_sentence(stack: Running) -> None:
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


def test_a_taken_port_ends_with_one_sentence(stack: Running, tmp_path: Path) -> None:
    with up(tmp_path / "data", stack.port) as second:
        assert second.process.wait(TIMEOUT) == 1
        wait_until(lambda: f"Port {stack.port}" in second.all_reported)
        assert "Traceback" not in second.all_reported
        assert second.said == []


@pytest.mark.parametrize("word", ["serve", "postgres", "envoy"])
def test_what_is_killed_serves_again(stack: Running, word: str) -> None:
    victim = stack.find(word)
    assert victim is not None
    victim.kill()
    wait_until(lambda: stack.find(word) not in (None, victim))
    wait_until(stack.healthy)


def stops_with_all(running: Running, number: signal.Signals) -> None:
    assert running.stop(number) == 0
    assert processes_of(running.folder) == []
    assert not (running.folder / "run").exists()
    assert "Traceback" not in running.all_reported


def test_a_signal_stops_everything(tmp_path: Path) -> None:
    with up(tmp_path / "data") as running:
        running.until_ready()
        stops_with_all(running, signal.SIGTERM)


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
def test_a_signal_while_starting_stops_everything(
    tmp_path: Path, phase: str, number: signal.Signals
) -> None:
    with up(tmp_path / "data") as running:
        wait_until(lambda: phase in running.all_reported)
        assert running.stop(number) == 0
        assert processes_of(running.folder) == []
        assert "Traceback" not in running.all_reported


def test_killed_it_takes_all_along_and_the_next_one_starts(tmp_path: Path) -> None:
    port = free_port()
    with up(tmp_path / "data", port) as running:
        running.until_ready()
        running.process.kill()
        running.process.wait()
    with up(tmp_path / "data", port) as running:
        running.until_ready()
        assert running.healthy()
        stops_with_all(running, signal.SIGINT)


def test_a_database_out_of_reach_ends_with_one_sentence(tmp_path: Path) -> None:
    url = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    with up(tmp_path / "data", DATABASE_URL=url) as running:
        assert running.process.wait(TIMEOUT) == 1
        wait_until(lambda: "DATABASE_URL" in running.all_reported)
        assert "Traceback" not in running.all_reported
        assert not (running.folder / "postgres").exists()
