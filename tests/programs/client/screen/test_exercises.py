"""Tables of exercises and records."""

from gymlocker.v2 import exercise_pb2, training_pb2

from server.programs.client.screen.exercises import show_exercises, show_records, with_unit
from tests.programs.client.screen.screens import Recorder

ID = "95567f24-8a43-4455-95fb-a15115dacc2e"


class TestShowExercises:
    def test_shortens_names_alone(self) -> None:
        recorder = Recorder(60)
        best = training_pb2.WorkoutSet(
            reps=5, weight=training_pb2.SetWeight(value=225, unit="lb"), rpe=9, notes="\x1b[2J"
        )
        row = exercise_pb2.ExerciseSummary(
            name="Bench Press (Barbell)",
            workouts=120,
            sets=4_800,
            last_date="2026-02-07",
            estimated_one_rep_max=119.07,
            best_set=best,
        )
        show_exercises(recorder.screen, [row, exercise_pb2.ExerciseSummary(name="Plank")], "kg")
        assert recorder.lines[1] == (
            "Bench Press…       120  4,800  2026-02-07  225lb x5  119.07 kg"
        )
        assert recorder.lines[2].split() == ["Plank", "0", "0"]


class TestShowRecords:
    def test_names_kinds_and_units(self) -> None:
        recorder = Recorder()
        values = {
            "max_weight": (120, "kg", 3),
            "estimated_one_rep_max": (132, "kg", 3),
            "max_reps": (30, "reps", 30),
            "max_session_volume": (12_345.5, "kg", None),
            "max_distance": (5_020, "m", None),
            "max_duration": (1_500, "s", None),
        }
        records = [
            exercise_pb2.Record(
                exercise="A",
                kind=kind,
                value=value,
                unit=unit,
                reps=reps,
                date="2026-02-07",
                workout_id=ID,
            )
            for kind, (value, unit, reps) in values.items()
        ]
        show_records(recorder.screen, records)
        assert [" ".join(line.split()[1:-2]) for line in recorder.lines[1:]] == [
            "Heaviest weight 120 kg x3",
            "Estimated 1RM 132 kg",
            "Most repetitions 30 reps",
            "Largest volume 12,345.5 kg",
            "Longest distance 5,020 m",
            "Longest duration 25:00",
        ]


class TestWithUnit:
    def test_keeps_sign_and_decimals(self) -> None:
        assert [with_unit(value, "kg") for value in (-0.5, 1_000.0, 12_345.67)] == [
            "-0.5 kg",
            "1,000 kg",
            "12,345.67 kg",
        ]
