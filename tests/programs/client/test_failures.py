"""Failures of any command: no session, no server, invalid arguments, a full disk."""

from pathlib import Path

import pytest

from tests.programs.client.conftest import Gymlocker
from tests.programs.client.fakes import FakeGymlocker
from tests.programs.client.process import end, started

ID = "95567f24-8a43-4455-95fb-a15115dacc2e"
COMMANDS = (
    ["workouts", "list"],
    ["workouts", "show", ID[:4]],
    ["workouts", "show", ID],
    ["workouts", "add", "today", "a", "1", "Run: 5km"],
    ["workouts", "edit", ID, "--minutes=9"],
    ["workouts", "delete", ID, "--yes"],
    ["workouts", "stats"],
    ["workouts", "export"],
    ["workouts", "import", __file__],
    ["exercises"],
    ["records"],
    ["progress", "Run"],
)


class TestSession:
    def test_every_command_requires_login(self, gymlocker: Gymlocker) -> None:
        for command in COMMANDS:
            ended = gymlocker(*command)
            assert (ended.code, ended.output) == (1, "")
            assert ended.errors == "You are not logged in: run `gymlocker login`.\n"


class TestServer:
    def test_every_command_reports_unreachable_server(
        self, gymlocker: Gymlocker, fake: FakeGymlocker
    ) -> None:
        fake.stop()
        for command in COMMANDS:
            ended = gymlocker(*command)
            assert (ended.code, ended.output) == (1, "")
            assert ended.errors.startswith(f"No server responds at {fake.url}: start one with")
            assert ended.errors.count("\n") == 1

    def test_reports_server_that_is_not_gymlocker(
        self, gymlocker: Gymlocker, fake: FakeGymlocker
    ) -> None:
        # The fake has no such method.
        ended = gymlocker("workouts", "list")
        assert ended.code == 1
        assert ended.errors.startswith(f"The server at {fake.url} is not a Gymlocker (")

    @pytest.mark.parametrize(
        "url", ["127.0.0.1:8080", "ftp://a", "http://", "http://a:0", "http://a/b", "http://a:b@c"]
    )
    def test_rejects_invalid_url(self, gymlocker: Gymlocker, url: str) -> None:
        ended = gymlocker("login", "ada", f"--url={url}")
        assert ended.code == 1
        assert "is not a server URL: give --url as http://host:port" in ended.errors


class TestArguments:
    @pytest.mark.usefixtures("logged_in")
    def test_rejects_bytes_that_are_not_text(self, gymlocker: Gymlocker) -> None:
        for command in (
            ("workouts", "list", "--type=\udcff"),
            ("workouts", "add", "today", "Push", "65", "\udcff: x5"),
            ("exercises", "\udcff"),
        ):
            ended = gymlocker(*command)
            assert (ended.code, ended.errors) == (1, "An argument is not valid text: use UTF-8.\n")


class TestOutput:
    @pytest.mark.parametrize("command", ["list", "export"])
    @pytest.mark.usefixtures("logged_in")
    def test_reports_full_disk(self, command: str) -> None:
        with (
            Path("/dev/full").open("wb") as full,
            started("workouts", command, stdout=full.fileno()) as process,
        ):
            ended = end(process)
        assert ended.code == 1
        assert ended.errors == "The output cannot be written (No space left on device).\n"
