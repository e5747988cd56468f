"""The examples, run against a whole house as their README says."""

import subprocess
import sys
from pathlib import Path

import pytest

from server.paths import ROOT
from tests.examples.built import EXAMPLES, built, commands
from tests.house import House
from tests.tools import require

STEPS = """\
Ada and Bob published their public keys and their encrypted names
Ada sent Bob her follow secret and her key, encrypted for him
Bob opened it, and reads Ada's name: Ada Lovelace
Ada published a workout: 320 encrypted bytes
Bob read it, byte for byte: {"workout": "squats", "sets": 5, "reps": 5, "mood": "😀"}
Ada and Bob deleted themselves
registered and logged in
the diary holds one workout: 2026-02-07 Running, 30 minutes
deleted the workout and the account
"""
NOBODY = "127.0.0.1:1"


def run(command: str, folder: Path, address: str) -> subprocess.CompletedProcess[str]:
    """Runs what the README says, against another address."""
    assert "127.0.0.1:8080" in command
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command.replace("127.0.0.1:8080", address)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )


def check(command: str, folder: Path, house: House) -> None:
    """Every step is taken, and nobody to talk to is a failure that says so."""
    well = run(command, folder, house.address)
    assert well.returncode == 0, well.stderr
    assert STEPS in well.stdout
    badly = run(command, folder, NOBODY)
    assert badly.returncode == 1
    assert "connect" in badly.stderr or "fetch failed" in badly.stderr
    assert "Ada" not in badly.stdout


def test_python(house: House) -> None:
    (command,) = commands("Python")
    check(command.replace("uv run python", sys.executable), ROOT, house)


# Building for the first time fetches what the lock file, or Maven's, names.
@pytest.mark.timeout(600)
def test_typescript(house: House) -> None:
    require("node", "npm")
    build, command = commands("TypeScript")
    check(command, built("typescript", build), house)


@pytest.mark.timeout(600)
def test_kotlin(house: House) -> None:
    require("mvn", "javac")
    build, command = commands("Kotlin")
    check(command, built("kotlin", build), house)


def test_no_example_needs_the_server() -> None:
    sources = sorted((EXAMPLES / "python").glob("*.py"))
    assert len(sources) == 2
    assert [path.name for path in sources if "server." in path.read_text()] == []
