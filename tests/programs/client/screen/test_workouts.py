"""Tables of workouts, and single workouts."""

import pytest
from gymlocker.v2 import training_pb2, workout_pb2

from server.programs.client.notation.parser import parse_exercise
from server.programs.client.screen.workouts import show_workout, show_workouts
from tests.programs.client.screen.screens import Recorder

ID = "95567f24-8a43-4455-95fb-a15115dacc2e"
NOTES = "first\nsecond \x1b[2J\x07 [bold]ü😀 " + "long " * 500


def workout(**fields: object) -> workout_pb2.Workout:
    every = {"id": ID, "date": "2026-02-07", "type": "Push", "duration": 65, **fields}
    return workout_pb2.Workout(**every)  # type: ignore[arg-type]


class TestShowWorkouts:
    @pytest.mark.parametrize("terminal", [True, False])
    @pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
    def test_removes_control_characters(self, encoding: str, *, terminal: bool) -> None:
        recorder = Recorder(130 if terminal else None, encoding=encoding, terminal=terminal)
        each = workout(type="\x1b[31mRun", notes=NOTES)
        show_workouts(recorder.screen, [each], more=False, whole_ids=False)
        assert "\x1b[31m" not in recorder.text
        assert "\x1b[2J" not in recorder.text and "\x07" not in recorder.text
        assert ("first second [2J [bold]ü😀 long" in recorder.text) == (encoding == "utf-8")

    def test_uses_one_line_a_workout(self) -> None:
        recorder = Recorder()
        show_workouts(recorder.screen, [workout(notes=NOTES)], more=False, whole_ids=True)
        assert len(recorder.lines) == 2
        assert max(map(len, recorder.lines)) <= 130

    @pytest.mark.parametrize("width", [40, 60, 80, 130])
    def test_shortens_notes_and_long_types_alone(self, width: int) -> None:
        recorder = Recorder(width)
        each = workout(
            type="A very long type of workout", notes=NOTES, exercise_count=6, set_count=24
        )
        show_workouts(recorder.screen, [each], more=False, whole_ids=False)
        heading, line = recorder.lines
        assert heading.split() == ["Date", "ID", "Type", "Length", "Exercises", "Sets", "Notes"]
        assert line.startswith("2026-02-07  95567f24  A very lon")
        assert " 1 h 5 min          6    24  first" in line
        # A terminal that is too narrow for the fixed columns wraps the line; nothing is lost.
        assert len(line) <= max(width, 77)

    def test_names_ids_as_asked(self) -> None:
        for whole_ids, shown in ((True, ID), (False, ID[:8])):
            recorder = Recorder()
            show_workouts(recorder.screen, [workout()], more=False, whole_ids=whole_ids)
            assert recorder.lines[1].split()[1] == shown

    def test_leaves_out_numbers_of_workout_without_sets(self) -> None:
        recorder = Recorder()
        show_workouts(recorder.screen, [workout()], more=False, whole_ids=False)
        assert recorder.lines[1] == "2026-02-07  95567f24  Push  1 h 5 min"


class TestShowWorkout:
    def test_shows_all_sets(self) -> None:
        recorder = Recorder()
        push = workout(
            notes="felt good\nreally",
            start_time="2026-02-07T18:30:00+01:00",
            source="stronglifts",
            exercises=[
                parse_exercise("Bench Press: superset 1 (slow) w 60kg x10, 100kg x5 x4 @9", "kg"),
                parse_exercise("Plank: 60s (shaky)", "kg"),
            ],
        )
        show_workout(recorder.screen, push)
        assert recorder.lines == [
            "2026-02-07 18:30 (+01:00), Push, 1 h 5 min",
            f"ID {ID}; imported from StrongLifts",
            "",
            "felt good",
            "really",
            "",
            "Bench Press (superset 1)",
            "  slow",
            "   1  warmup 60kg x10",
            "   2  100kg x5",
            "   3  100kg x4 @9",
            "",
            "Plank",
            "   1  1:00 (shaky)",
        ]

    def test_names_day_of_start_if_it_is_another(self) -> None:
        recorder = Recorder()
        show_workout(recorder.screen, workout(start_time="2026-02-08T00:10:00.5Z"))
        assert recorder.lines[0] == "2026-02-07 began 2026-02-08 00:10 (UTC), Push, 1 h 5 min"

    def test_removes_control_characters(self) -> None:
        recorder = Recorder()
        exercise = training_pb2.WorkoutExercise(
            name="a\x1b[2J", notes="b\x1b[2J", sets=[training_pb2.WorkoutSet(notes="c\x1b[2J")]
        )
        each = workout(notes="d\x1b[2J", source="e\x1b[2J", exercises=[exercise])
        show_workout(recorder.screen, each)
        assert "\x1b" not in recorder.text
