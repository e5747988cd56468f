"""Results of imports."""

from collections.abc import Callable
from pathlib import Path

import pytest
from gymlocker.v2 import workout_pb2

from server.programs.client.importing import open_source
from server.programs.client.screen.imported import show_import
from tests.programs.client.screen.screens import Recorder

Shown = Callable[..., list[str]]


@pytest.fixture
def shown(tmp_path: Path) -> Callable[..., list[str]]:
    """Return a function that shows a response, and returns the lines."""
    path = tmp_path / "strong.csv"
    path.touch()

    def show(
        response: workout_pb2.ImportWorkoutsResponse, zone: str = "", **options: object
    ) -> list[str]:
        recorder = Recorder(60)
        request = workout_pb2.ImportWorkoutsRequest(**options)  # type: ignore[arg-type]
        with open_source(str(path)) as source:
            show_import(recorder.screen, source, request, response, zone)
        return recorder.lines

    return show


class TestShowImport:
    def test_counts_problems_beyond_list(self, shown: Shown) -> None:
        text = "\n".join(
            shown(
                workout_pb2.ImportWorkoutsResponse(
                    format="strong",
                    problem_count=1_001,
                    problems=[
                        workout_pb2.ImportProblem(line=7, message="wrong \x1b " + "long " * 50)
                    ],
                )
            )
        )
        assert "And 1,000 more." in text
        # The whole message is shown.
        assert text.count("long") == 50
        assert "\x1b" not in text

    def test_tells_what_became_of_workouts(self, shown: Shown) -> None:
        response = workout_pb2.ImportWorkoutsResponse(
            format="hevy",
            added=1,
            updated=2,
            existing=1_003,
            edited_here=1,
            columns_not_read=["Mood", "\x1b[2J"],
        )
        assert shown(response) == [
            "Format of the file: hevy",
            "1 workout added, 2 updated, 1,003 already there.",
            "1 workout edited here: left as they are, although the file differs.",
            "Columns not read: Mood, [2J",
        ]
        lines = shown(response, dry_run=True)
        assert lines[1] == ("1 workout would be added, 2 would be updated, 1,003 already there.")

    def test_shows_first_warnings(self, shown: Shown) -> None:
        response = workout_pb2.ImportWorkoutsResponse(
            warnings=[f"No {n}\x1b[2J" for n in range(25)]
        )
        lines = shown(response)[2:]
        assert lines[0] == "Warning: No 0 [2J"
        assert len(lines) == 21
        assert lines[-1] == "And 5 more warnings."

    def test_names_options_as_the_command_line_does(self, shown: Shown) -> None:
        response = workout_pb2.ImportWorkoutsResponse(
            warnings=["If they are pounds, import the file again with unit=lb."]
        )
        assert shown(response)[-1].endswith("import the file again with --unit lb.")

    def test_suggests_time_zone_of_machine(self, shown: Shown) -> None:
        response = workout_pb2.ImportWorkoutsResponse(warnings=["UTC: give time_zone."])
        suggestion = (
            "If you trained in the time zone of this machine, use --time-zone Europe/Berlin."
        )
        assert shown(response, "Europe/Berlin")[-1] == suggestion
        assert suggestion not in shown(response, "Europe/Berlin", time_zone="UTC")
        assert suggestion not in shown(response)
        other = workout_pb2.ImportWorkoutsResponse(warnings=["kg: give unit."])
        assert suggestion not in shown(other, "Europe/Berlin")
