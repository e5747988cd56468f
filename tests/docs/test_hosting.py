"""The pages for people who run a server: their commands, run word for word without an engine."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from server.libraries.common.paths import ROOT
from tests.deploy.files import PRODUCTION
from tests.docs.pages import commands, read, run, section
from tests.support.stack import running_stack
from tests.support.tools import require

pytestmark = [pytest.mark.extended, pytest.mark.timeout(400)]

ACCOUNT = {"username": "ada", "password": "correct horse battery"}
LATER = {"username": "eve", "password": "correct horse battery"}
# Release 0.2.0.
OLD_RELEASE = "64fb9ef"
GYMLOCKER = "uv run gymlocker"
# Stands for Docker: runs a container's command on this machine.
DOCKER = """#!/bin/bash
set -euo pipefail
gymlocker() {{ {python} -P -m server "$@"; }}
export -f gymlocker
shift
case "$1 $2" in
  "up --detach") exit ;;
  "down --volumes") rm -r {volume} && mkdir -m 700 {volume} && exit ;;
  "exec --no-TTY") shift 3 ;;
  "run --rm") [ "$3 $4 $6" = "--no-TTY --entrypoint gymlocker" ] && set -- "$5" "${{@:7}}" ;;
esac
case "$1" in sh) shift && set -- bash "$@" ;; esac
"${{@//\\/data/{volume}}}"
"""


def register(url: str, account: dict[str, str] = ACCOUNT) -> None:
    httpx2.post(f"{url}/auth/register", json=account).raise_for_status()


def can_login(url: str, account: dict[str, str] = ACCOUNT) -> bool:
    response = httpx2.post(f"{url}/auth/login", json=account)
    assert response.status_code in (200, 401)
    return response.status_code == 200


def send_backup(url: str) -> None:
    tokens = httpx2.post(f"{url}/auth/login", json=ACCOUNT).json()
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    httpx2.post(f"{url}/backup", content=b"\x1f\x8b", headers=headers).raise_for_status()


def script_of(title: str) -> str:
    """Return the commands of a section of the page on backups, for the interpreter of the tests."""
    script = commands("docs/backup-and-restore.md", title)
    return script.replace(GYMLOCKER, f"{sys.executable} -P -m server")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder like a clone after the first start."""
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return tmp_path


class TestBackupAndRestore:
    def test_brings_everything_back(self, folder: Path) -> None:
        with running_stack(folder / ".gymlocker") as stack:
            register(stack.url)
            send_backup(stack.url)
            unknown = uuid4()
            (folder / ".gymlocker" / "backups" / "objects" / f"{unknown}.age").touch()
            assert run(script_of("Objects without a backup"), folder).stdout == f"{unknown}\n"
            run(script_of("Back up"), folder)
            register(stack.url, LATER)
            run(script_of("What followers notice"), folder)
        for name in ("gymlocker.dump", "gymlocker-files.tar"):
            assert (folder / name).stat().st_mode & 0o777 == 0o600
        run(script_of("Restore"), folder)
        key = folder / ".gymlocker" / "jwt-secret-key"
        assert (folder / "restored" / key.name).read_text() == key.read_text()
        with running_stack(folder / "restored") as stack:
            assert can_login(stack.url)
            assert not can_login(stack.url, LATER)

    def test_brings_everything_back_in_docker(self, folder: Path) -> None:
        """The container's commands run on this machine, with a folder in the place of /data."""
        volume = folder / "volume"
        (folder / "docker").write_text(DOCKER.format(python=sys.executable, volume=volume))
        (folder / "docker").chmod(0o755)
        environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
        page = "docs/backup-and-restore.md"
        dump, restore = (
            "".join(re.findall(r"```\n((?:umask|docker).*?)```", section(page, title), re.DOTALL))
            for title in ("Back up", "Restore")
        )
        with running_stack(volume) as stack:
            register(stack.url)
            run(dump, folder, environment)
            register(stack.url, LATER)
        key = (volume / "jwt-secret-key").read_text()
        run(restore, folder, environment)
        assert (volume / "jwt-secret-key").read_text() == key
        assert not [*volume.glob("*.dump")]
        assert (folder / "gymlocker.dump").stat().st_mode & 0o777 == 0o600
        with running_stack(volume) as stack:
            assert can_login(stack.url)
            assert not can_login(stack.url, LATER)


class TestUpgradeAndRollback:
    def test_older_release_upgrades_and_comes_back(self, folder: Path) -> None:
        """As the page says: a dump before the upgrade, and a restore into a new folder after it."""
        if not (ROOT / ".git").exists():
            pytest.skip("the older release is in the history of a clone")
        old = folder / "old-release"
        old.mkdir()
        archive = subprocess.run(
            ["git", "archive", OLD_RELEASE], cwd=ROOT, capture_output=True, check=True
        )
        subprocess.run(["tar", "-x"], cwd=old, input=archive.stdout, check=True)
        release: dict[str, Any] = {"PYTHONPATH": f"{old}:{old}/generated"}
        script = script_of("With PostgreSQL's own programs")
        dump, restore = re.findall(r"BIN=.*?(?=BIN=|$)", script, re.DOTALL)
        with running_stack(folder / ".gymlocker", **release) as stack:
            register(stack.url)
            assert httpx2.get(f"{stack.url}/exercises").status_code == 404
            run(dump, folder)
        with running_stack(folder / ".gymlocker") as stack:
            assert can_login(stack.url)
            assert httpx2.get(f"{stack.url}/exercises").status_code == 401
        # The older release does not start on the newer database.
        started = running_stack(folder / ".gymlocker", **release)
        with pytest.raises(AssertionError, match="ended with 1"), started:
            pass
        with running_stack(folder / "by-hand", **release):
            run(restore, folder)
        with running_stack(folder / "by-hand", **release) as stack:
            assert can_login(stack.url)
            assert httpx2.get(f"{stack.url}/exercises").status_code == 404


class TestReverseProxies:
    def test_caddy_accepts_its_file(self, tmp_path: Path) -> None:
        require("caddy")
        script = commands("docs/reverse-proxies.md", "Caddy")
        script = script.replace("deploy/", f"{ROOT}/deploy/")
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "DOMAIN": "gym.example.com"}
        assert "Valid configuration" in run(script, tmp_path, environment).stdout


class TestProduction:
    def test_compose_commands_are_those_of_the_file(self) -> None:
        # tests/deploy runs the commands at the top of the file.
        page = re.findall(r"```\n(mkdir .*?)```", read("docs/production.md"), re.DOTALL)
        comment = re.findall(r"^#   (.+)$", PRODUCTION.read_text(), re.MULTILINE)
        assert page == ["\n".join(comment) + "\n"]


class TestSelfHosting:
    def test_variables_are_those_of_the_compose_file(self) -> None:
        rows = re.findall(r"^\| (`[A-Z].*?) \|", read("docs/self-hosting.md"), re.MULTILINE)
        names = re.findall(r"`([A-Z_]+)`", " ".join(rows))
        used = re.findall(r"\$\{([A-Z_]+):-", (ROOT / "docker-compose.yml").read_text())
        assert set(names) == {*used, "COMPOSE_FILE"}

    def test_additions_are_listed(self) -> None:
        listed = re.findall(
            r"^\| `([a-z0-9-]+\.yml)` \|", read("docs/self-hosting.md"), re.MULTILINE
        )
        files = {path.name for path in (ROOT / "deploy" / "compose").glob("*.yml")}
        # The others are for production.yml.
        assert files - {*listed} == {
            "production.yml",
            "production-backups.yml",
            "external-postgres.yml",
        }
