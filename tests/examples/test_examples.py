"""The examples, run against a stack with the commands of their README."""

import subprocess
import sys
from pathlib import Path

import pytest

from server.libraries.common.paths import ROOT
from tests.examples.built import EXAMPLES, STEPS, built, commands
from tests.examples.falsifying_proxy import falsifying_proxy
from tests.support.stack import Stack
from tests.support.tools import require

pytestmark = pytest.mark.extended

CLOSED = "127.0.0.1:1"


def run(command: str, folder: Path, address: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the README with another address."""
    assert "127.0.0.1:8080" in command
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command.replace("127.0.0.1:8080", address)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,  # Maven downloads its plugin on the first run
    )


def check_success(command: str, folder: Path, stack: Stack) -> None:
    done = run(command, folder, stack.address)
    assert done.returncode == 0, done.stderr
    assert STEPS in done.stdout


def check_falsified_event(command: str, folder: Path, stack: Stack) -> None:
    with falsifying_proxy(stack.address) as address:
        failed = run(command, folder, address)
    assert failed.returncode == 1
    assert "unexpected result: the server changed the encrypted bytes" in failed.stderr
    assert "Bob read it" not in failed.stdout


def check_unreachable_server(command: str, folder: Path) -> None:
    failed = run(command, folder, CLOSED)
    assert failed.returncode == 1
    assert "connect" in failed.stderr or "fetch failed" in failed.stderr
    assert "Ada" not in failed.stdout


def test_python(stack: Stack) -> None:
    (command,) = commands("Python")
    command = command.replace("uv run python", sys.executable)
    check_success(command, ROOT, stack)
    check_falsified_event(command, ROOT, stack)
    check_unreachable_server(command, ROOT)


# The first build downloads the dependencies of npm and Maven.
@pytest.mark.timeout(600)
def test_typescript(stack: Stack) -> None:
    require("node", "npm")
    build, command = commands("TypeScript")
    folder = built("typescript", build)
    check_success(command, folder, stack)
    check_unreachable_server(command, folder)


@pytest.mark.timeout(600)
def test_typescript_without_global_crypto_of_node_18(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require("node", "npm")
    build, command = commands("TypeScript")
    folder = built("typescript", build)
    old = tmp_path / "old.cjs"
    old.write_text("delete globalThis.crypto;")
    monkeypatch.setenv("NODE_OPTIONS", f"--require={old}")
    check_success(command, folder, stack)


@pytest.mark.timeout(600)
def test_kotlin(stack: Stack) -> None:
    require("mvn", "javac")
    build, command = commands("Kotlin")
    folder = built("kotlin", build)
    check_success(command, folder, stack)
    check_falsified_event(command, folder, stack)


def test_examples_do_not_import_the_server() -> None:
    sources = sorted((EXAMPLES / "python").glob("*.py"))
    assert len(sources) == 3
    assert [path.name for path in sources if "server." in path.read_text()] == []
