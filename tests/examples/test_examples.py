"""The examples, run against a whole house as their README says."""

import subprocess
import sys
from pathlib import Path

import pytest

from server.libraries.common.paths import ROOT
from tests.examples.built import EXAMPLES, STEPS, built, commands
from tests.examples.liar import liar
from tests.support.stack import Stack
from tests.support.tools import require

NOBODY = "127.0.0.1:1"


def run(command: str, folder: Path, address: str) -> subprocess.CompletedProcess[str]:
    """Runs what the README says, against another address."""
    assert "127.0.0.1:8080" in command
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command.replace("127.0.0.1:8080", address)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,  # Maven fetches its plugin when it first runs something
    )


def takes_every_step(command: str, folder: Path, stack: Stack) -> None:
    well = run(command, folder, stack.address)
    assert well.returncode == 0, well.stderr
    assert STEPS in well.stdout


def notices_a_changed_event(command: str, folder: Path, stack: Stack) -> None:
    with liar(stack.address) as address:
        deceived = run(command, folder, address)
    assert deceived.returncode == 1
    assert "that is not right: the server changed the encrypted bytes" in deceived.stderr
    assert "Bob read it" not in deceived.stdout


def says_that_nobody_is_there(command: str, folder: Path) -> None:
    badly = run(command, folder, NOBODY)
    assert badly.returncode == 1
    assert "connect" in badly.stderr or "fetch failed" in badly.stderr
    assert "Ada" not in badly.stdout


def test_python(stack: Stack) -> None:
    (command,) = commands("Python")
    command = command.replace("uv run python", sys.executable)
    takes_every_step(command, ROOT, stack)
    notices_a_changed_event(command, ROOT, stack)
    says_that_nobody_is_there(command, ROOT)


# Building for the first time fetches what the lock file, or Maven's, names.
@pytest.mark.timeout(600)
def test_typescript(stack: Stack) -> None:
    require("node", "npm")
    build, command = commands("TypeScript")
    folder = built("typescript", build)
    takes_every_step(command, folder, stack)
    says_that_nobody_is_there(command, folder)


@pytest.mark.timeout(600)
def test_typescript_without_the_global_that_node_18_lacks(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require("node", "npm")
    build, command = commands("TypeScript")
    folder = built("typescript", build)
    old = tmp_path / "old.cjs"
    old.write_text("delete globalThis.crypto;")
    monkeypatch.setenv("NODE_OPTIONS", f"--require={old}")
    takes_every_step(command, folder, stack)


@pytest.mark.timeout(600)
def test_kotlin(stack: Stack) -> None:
    require("mvn", "javac")
    build, command = commands("Kotlin")
    folder = built("kotlin", build)
    takes_every_step(command, folder, stack)
    notices_a_changed_event(command, folder, stack)


def test_no_example_needs_the_server() -> None:
    sources = sorted((EXAMPLES / "python").glob("*.py"))
    assert len(sources) == 2
    assert [path.name for path in sources if "server." in path.read_text()] == []
