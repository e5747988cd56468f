"""The commands of the documentation, run word for word."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from tests.docs.pages import commands, read, run, section
from tests.services.ai.planner.model_server import ModelServer
from tests.services.ai.planner.script import HELLO, HERE_IT_IS
from tests.support.stack import Stack, running_stack
from tests.support.tools import require

pytestmark = pytest.mark.extended

SERVER = "127.0.0.1:8080"


def checked(script: str, address: str) -> str:
    """Return a script that calls another address and fails on an error of HTTP."""
    assert SERVER in script
    script = script.replace(SERVER, address)
    return re.sub(r"\bcurl -s(N?) ", r"curl -s\1 --fail-with-body ", script)


class TestReadme:
    def test_commands_succeed(self, stack: Stack, tmp_path: Path) -> None:
        script = commands("README.md", "Try it")
        demo = "uv run gymlocker demo"
        assert script.count(demo) == 1
        script = script.replace(demo, f"{sys.executable} -P -m server demo --url {stack.url}")
        said = run(checked(script, stack.address), tmp_path).stdout
        assert '"notes":"Easy pace"' in said
        # The statistics.
        assert '"types":[{"type":"Running","count":1,"minutes":30,' in said

    def test_contains_the_command_that_ci_runs(self) -> None:
        lines = [
            line.partition("#")[0].strip() for line in commands("README.md", "Run it").split("\n")
        ]
        [tests] = [line for line in lines if "pytest" in line]
        assert tests in read(".ci/run").splitlines()


class TestApiTour:
    def test_commands_succeed(self, stack: Stack, tmp_path: Path) -> None:
        require("grpcurl")
        # One script: the commands of grpcurl use what those of curl create.
        script = commands("docs/api-tour.md", "API tour")
        for title in ("Try it with curl", "Try it with grpcurl"):
            assert commands("docs/api-tour.md", title) in script
        said = run(checked(script, stack.address), tmp_path).stdout
        assert '"encryptedName":"c2VjcmV0"' in said
        assert '"token_type":"bearer"' not in said
        assert said.count('"notes":"Easy pace"') == 1
        assert '"duration":45,"notes":"Faster than it felt"' in said
        assert '"added":1' in said
        # 120 kg x (1 + 5 / 30).
        assert '"estimatedOneRepMax":140' in said
        assert '"kind": "max_session_volume"' in said
        assert '"duration": 45' in said
        assert '"encryptedEventPayload":"d29ya291dA=="' in said
        assert '"encryptedMessage":["Zmlyc3QgY2h1bms=","c2Vjb25kIGNodW5r"]' in said
        assert "gymlocker.v2.EventService is a service" in said
        assert '"encrypted_event_payload": "d29ya291dA=="' in said


class TestLiveFeed:
    def test_commands_succeed(self, stack: Stack, tmp_path: Path) -> None:
        require("grpcurl")
        script = commands("docs/live-feed.md", "Live feed")
        said = run(checked(script, stack.address), tmp_path).stdout
        assert 'data: {"caughtUp":{}}' in said
        assert '"encryptedEventPayload":"d29ya291dA=="' in said
        assert '"encrypted_event_payload": "d29ya291dA=="' in said
        assert '{"waiting":{"count":1}}' in said
        assert 'data: {"ended":{"reason":"NOTHING_TO_WATCH"}}' in said
        assert 'data: {"ended":{"reason":"USER_NOT_FOUND"}}' in said


class TestTrainingLog:
    def test_commands_succeed(self, stack: Stack, tmp_path: Path) -> None:
        script = commands("docs/training-log.md", "Training log")
        said = run(checked(script, stack.address), tmp_path).stdout
        # The repeated change with the old etag.
        assert said.count('"notes":"New bar"') == 2
        # 100 kg x 5 is 500 and 102.5 kg x 4 is 410; the warm-up counts nowhere.
        assert '"volume":910' in said
        assert '"estimatedOneRepMax":116.67' in said
        assert re.findall("in sync, workouts: ([0-9]+)", said) == ["1", "0"]
        # A dry run, the import, and the import of the export.
        assert re.findall('"added":([0-9]+)', said) == ["2", "2", "0"]
        assert said.count('"existing":2') == 1
        assert ",Bench Press (Barbell),,,1,1,,5,180,lb," in said
        fitnotes = (tmp_path / "fitnotes.csv").read_text()
        assert "2026-01-05,Bench Press (Barbell),Push,180,lbs,5," in fitnotes

    def test_refusal_is_that_of_the_server(self) -> None:
        source = read("server/services/workout/etag.py")
        [refusal] = re.findall(
            r'"message":"(.+?)"', section("docs/training-log.md", "Training log")
        )
        assert f'"{refusal}"' in source


class TestAccessKeys:
    def test_commands_succeed(self, stack: Stack, tmp_path: Path) -> None:
        script = commands("docs/access-keys.md", "Access keys")
        said = run(checked(script, stack.address), tmp_path).stdout
        # The workouts that the key reads, and the list of keys.
        assert '"workouts":[]' in said
        assert '"name":"Home Assistant","scopes":["workouts.read"]' in said
        # The replies of the two deletions.
        assert said.endswith("{}")


class TestCommandLine:
    def test_commands_succeed(self, stack: Stack, tmp_path: Path) -> None:
        script = commands("docs/command-line.md", "Your diary from the command line")
        for as_written, here in (
            ("uv run gymlocker", f"{sys.executable} -P -m server"),
            ("register ada", f"register 'ada {uuid4()}' --url {stack.url}"),
        ):
            assert as_written in script
            script = script.replace(as_written, here)
        environment = {**os.environ, "GYMLOCKER_SESSION": str(tmp_path / "session.json")}
        said = run(script, tmp_path, environment).stdout
        assert "rain, and then sun" in said
        assert "  Bench Press: warmup 60kg x10, 100kg x5 x5 x4 @9, 90kg x8 (easy)\n" in said
        assert "Saved: " in said and "Deleted: " in said
        # The header, and the workout that is left.
        assert (tmp_path / "diary.csv").read_bytes().count(b"\r\n") == 2


class TestPlanner:
    async def test_commands_succeed(self, empty_database: str, tmp_path: Path) -> None:
        require("grpcurl")
        async with ModelServer() as model:
            with running_stack(
                tmp_path,
                DATABASE_URL=empty_database,
                OPENAI_BASE_URL=model.url,
                WEB_AUTH_API_KEY="a-key",
            ) as stack:
                script = checked(commands("docs/planner.md", "Planner"), stack.address)
                # Without blocking: the model answers in this event loop.
                shell = await asyncio.create_subprocess_exec(
                    *("bash", "-euxo", "pipefail", "-c", script), stdout=subprocess.PIPE
                )
                said = (await shell.communicate())[0].decode()
        assert shell.returncode == 0
        for words in (HELLO, HERE_IT_IS, "You said first: “I like squats”"):
            assert words in said
        # Over REST and over gRPC.
        assert said.count('You said first: “I like squats”"') == 2
        assert said.count(HELLO + '"') == 2
        # The introduction is not charged as an answer.
        assert '"remaining":98' in said
        assert model.plan["name"] in said
