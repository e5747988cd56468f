"""The examples, run against a whole house as their README says."""

import subprocess
import sys
from pathlib import Path

import pytest

from server.demo import keys
from server.paths import ROOT
from tests.examples.built import EXAMPLES, built, commands
from tests.examples.liar import liar
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
        timeout=300,  # Maven fetches its plugin when it first runs something
    )


def takes_every_step(command: str, folder: Path, house: House) -> None:
    well = run(command, folder, house.address)
    assert well.returncode == 0, well.stderr
    assert STEPS in well.stdout


def notices_a_changed_event(command: str, folder: Path, house: House) -> None:
    with liar(house.address) as address:
        deceived = run(command, folder, address)
    assert deceived.returncode == 1
    assert "that is not right: the server changed the encrypted bytes" in deceived.stderr
    assert "Bob read it" not in deceived.stdout


def says_that_nobody_is_there(command: str, folder: Path) -> None:
    badly = run(command, folder, NOBODY)
    assert badly.returncode == 1
    assert "connect" in badly.stderr or "fetch failed" in badly.stderr
    assert "Ada" not in badly.stdout


def test_python(house: House) -> None:
    (command,) = commands("Python")
    command = command.replace("uv run python", sys.executable)
    takes_every_step(command, ROOT, house)
    notices_a_changed_event(command, ROOT, house)
    says_that_nobody_is_there(command, ROOT)


def test_python_seals_as_the_app_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXAMPLES / "python")
    import sealing

    theirs, ours = keys.new_keys(), sealing.Keys()
    sealed = keys.seal(b"squats", theirs.aes, theirs.private)
    assert sealing.unseal(sealed.ciphertext, sealed.iv, theirs.aes, theirs.public_spki) == b"squats"
    assert keys.unseal(keys.Sealed(*ours.seal(b"lunges")), ours.aes, ours.public) == b"lunges"
    signed = ours.sign(b"follow me")
    letter = sealing.write_letter(signed, theirs.public_spki)
    assert keys.decrypt_chunks(letter, theirs.private) == signed


# Building for the first time fetches what the lock file, or Maven's, names.
@pytest.mark.timeout(600)
def test_typescript(house: House) -> None:
    require("node", "npm")
    build, command = commands("TypeScript")
    folder = built("typescript", build)
    takes_every_step(command, folder, house)
    says_that_nobody_is_there(command, folder)


@pytest.mark.timeout(600)
def test_kotlin(house: House) -> None:
    require("mvn", "javac")
    build, command = commands("Kotlin")
    folder = built("kotlin", build)
    takes_every_step(command, folder, house)
    notices_a_changed_event(command, folder, house)


def test_no_example_needs_the_server() -> None:
    sources = sorted((EXAMPLES / "python").glob("*.py"))
    assert len(sources) == 2
    assert [path.name for path in sources if "server." in path.read_text()] == []
