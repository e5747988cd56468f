"""The README's examples, run word for word, and its claims that can be checked."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import httpx2

from server.libraries.common.paths import ROOT
from server.programs.diagnostics.configuration import GROUPS
from tests.services.ai.planner.model_server import ModelServer
from tests.services.ai.planner.script import HELLO, HERE_IT_IS
from tests.support.stack import Stack, running_stack
from tests.support.tools import require

README = (ROOT / "README.md").read_text()


def commands_of(title: str) -> str:
    """The `sh` blocks of the section with this title, one after the other."""
    section = README.split(f"# {title}\n")[1].split("\n## ")[0]
    return "\n".join(re.findall(r"```sh\n(.*?)```", section, re.DOTALL))


def test_every_example_works_as_it_is_written(stack: Stack, tmp_path: Path) -> None:
    require("grpcurl")
    # Both sections as one: what grpcurl is given was created by curl.
    script = commands_of("Try it with curl")
    assert commands_of("Try it with grpcurl") in script
    script = script.replace("curl -s", "curl -s --fail-with-body")
    script = script.replace("127.0.0.1:8080", stack.address)
    run = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", script],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    assert '"encryptedName":"c2VjcmV0"' in run.stdout
    assert '"token_type":"bearer"' not in run.stdout
    assert run.stdout.count('"notes":"Easy pace"') == 1
    assert '"duration":45,"notes":"Faster than it felt"' in run.stdout
    assert '"added":1' in run.stdout
    assert '"duration": 45' in run.stdout
    assert '"encryptedEventPayload":"d29ya291dA=="' in run.stdout
    assert '"encryptedMessage":["Zmlyc3QgY2h1bms=","c2Vjb25kIGNodW5r"]' in run.stdout
    assert "gymlocker.v2.EventService is a service" in run.stdout
    assert '"encrypted_event_payload": "d29ya291dA=="' in run.stdout


def test_the_diary_is_kept_as_it_is_written(stack: Stack, tmp_path: Path) -> None:
    script = commands_of("Your diary from the command line")
    for as_written, here in (
        ("uv run gymlocker", f"{sys.executable} -P -m server"),
        ("register ada", f"register 'ada {uuid4()}' --url {stack.url}"),
    ):
        assert as_written in script
        script = script.replace(as_written, here)
    run = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", script],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "GYMLOCKER_SESSION": str(tmp_path / "session.json")},
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    assert "rain, and then sun" in run.stdout
    assert (tmp_path / "diary.csv").read_bytes().count(b"\r\n") == 2


def test_a_backup_is_restored_as_it_is_written(tmp_path: Path) -> None:
    dump, restore = re.findall(r"BIN=.*?(?=BIN=|$)", commands_of("Backups"), re.DOTALL)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    account = {"username": "ada", "password": "correct horse battery"}

    def run(script: str) -> None:
        subprocess.run(["bash", "-euxc", script], cwd=tmp_path, timeout=60, check=True)

    with running_stack(tmp_path / ".gymlocker") as stack:
        httpx2.post(f"{stack.url}/auth/register", json=account).raise_for_status()
        run(dump)
    with running_stack(tmp_path / "restored"):
        run(restore)
    with running_stack(tmp_path / "restored") as stack:
        httpx2.post(f"{stack.url}/auth/login", json=account).raise_for_status()


async def test_the_planner_talks_as_it_is_written(empty_database: str, tmp_path: Path) -> None:
    require("grpcurl")
    script = commands_of("The planner").replace("curl -s", "curl --fail-with-body -s")
    async with ModelServer() as model:
        with running_stack(
            tmp_path,
            DATABASE_URL=empty_database,
            OPENAI_BASE_URL=model.url,
            WEB_AUTH_API_KEY="a-key",
        ) as stack:
            script = script.replace("127.0.0.1:8080", stack.address)
            run = await asyncio.create_subprocess_exec(
                *("bash", "-euxo", "pipefail", "-c", script), stdout=subprocess.PIPE
            )
            said = (await run.communicate())[0].decode()
    assert run.returncode == 0
    for words in (HELLO, HERE_IT_IS, "You said first: “I like squats”"):
        assert words in said
    # Over REST and over gRPC.
    assert said.count('You said first: “I like squats”"') == 2
    assert said.count(HELLO + '"') == 2
    # The hello is no answer.
    assert '"remaining":98' in said
    assert model.plan["name"] in said


def test_every_setting_is_in_the_table() -> None:
    named = set(re.findall(r"^\| `([A-Z_]+)` \|", README, re.MULTILINE))
    known = {name for group in GROUPS for name in group.model_fields}
    assert named == {name.upper() for name in known}


def test_every_link_into_the_project_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
