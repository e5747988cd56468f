"""The page about administration, run word for word."""

import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.docs.pages import commands, run
from tests.support.stack import running_stack

pytestmark = pytest.mark.extended

PAGE = "docs/administration.md"
ACCOUNT = {"username": "ada", "password": "correct horse battery"}


def script(title: str) -> str:
    """Return the commands of a section for this clone."""
    text = commands(PAGE, title)
    assert "uv run gymlocker" in text
    return text.replace("uv run gymlocker", f"{sys.executable} -P -m server")


@pytest.mark.timeout(300)
def test_commands_succeed(tmp_path: Path) -> None:
    with running_stack(tmp_path / ".gymlocker") as stack:
        # Later sections use what earlier ones create.
        said = "".join(
            run(script(title).replace("127.0.0.1:8080", stack.address), tmp_path).stdout
            for title in ("Users", "Access keys and backups", "Backing it up")
        )
        assert "bob has a new password" in said and "Deleted: bob " in said
        assert "ada@example.com is linked to ada." in said
        assert httpx2.post(f"{stack.url}/auth/login", json=ACCOUNT).status_code == 200
        refused = restore(tmp_path)
        assert refused.returncode == 1
        assert refused.stderr.startswith("Gymlocker is already running on ")
    said = run(script("Restoring it"), tmp_path).stdout
    assert said.splitlines()[-1].startswith("ada ")
    with running_stack(tmp_path / "restored") as stack:
        assert httpx2.post(f"{stack.url}/auth/login", json=ACCOUNT).status_code == 200


def restore(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "server", "db", "restore", "gymlocker.dump"]
    return subprocess.run(
        [*command, "--replace", "--yes"], cwd=folder, capture_output=True, text=True
    )
