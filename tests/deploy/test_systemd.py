"""deploy/systemd: the service is valid, starts a command of ours, and has no rights."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from server.libraries.common.paths import ROOT
from tests.deploy.files import Command
from tests.deploy.test_commands import parsed
from tests.docs.pages import read
from tests.support.tools import require

SERVICE = ROOT / "deploy" / "systemd" / "gymlocker.service"
PROGRAM = "/opt/gymlocker/.venv/bin/gymlocker"


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """The service with a program that exists here."""
    require("systemd-analyze")
    copy = tmp_path / SERVICE.name
    copy.write_text(SERVICE.read_text().replace(PROGRAM, sys.executable))
    return copy


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True)


def test_is_valid(service: Path) -> None:
    done = analyze("verify", "--man=no", str(service))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_is_confined(service: Path) -> None:
    """systemd rates a service from 0 to 100 tenths; without any protection, it is at 96."""
    done = analyze("security", "--offline=yes", "--no-pager", "--threshold=20", str(service))
    assert done.returncode == 0, done.stdout


def test_starts_gymlocker_on_its_state_directory() -> None:
    [start] = re.findall(r"^ExecStart=(.*)$", SERVICE.read_text(), re.MULTILINE)
    program, *words = shlex.split(start)
    assert program == PROGRAM
    name, options = parsed(Command("gymlocker.service", tuple(words)))
    assert (name, options["data_dir"]) == ("up", Path("/var/lib/gymlocker"))
    assert "StateDirectory=gymlocker\n" in SERVICE.read_text()
    # A signal to all processes would interrupt the order of their stop.
    assert "KillMode=mixed\n" in SERVICE.read_text()


def test_page_installs_it_where_it_expects_it() -> None:
    page = read("docs/self-hosting.md")
    assert "cd /opt/gymlocker\n" in page
    assert "useradd --system --home-dir /var/lib/gymlocker " in page
    assert "cp deploy/systemd/gymlocker.service /etc/systemd/system/" in page
    assert f"sudo -u gymlocker {PROGRAM} " in page
