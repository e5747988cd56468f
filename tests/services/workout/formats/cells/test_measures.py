"""The measurements of a set."""

import pytest

from server.services.workout.model import Exercise, Set
from tests.services.workout.formats.reading import STRONG, exercises, kg, one_set, problem, read


def row(weight: str, reps: str, distance: str = "0", seconds: str = "0", rpe: str = "") -> str:
    return f"{STRONG}2021-03-01 18:00:00,A,1h,Dip,1,{weight},{reps},{distance},{seconds},,,{rpe}\n"


class TestSet:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            (row("0", "5"), Set(reps=5)),
            (row("100", "0"), kg(100, 0)),
            (row("20", "0", "0", "60"), kg(20)._replace(duration=60)),
            (row("0", "0", "0", "60"), Set(duration=60)),
            (row("0", "0", "0", "1:05:09"), Set(duration=3909)),
            (row("82.50", "5.0"), kg(82.5, 5)),
            (row('"82,5"', "5"), kg(82.5, 5)),
            (row("0", "10000"), Set(reps=10_000)),
            (row("0", "0", "0", "604800"), Set(duration=604_800)),
        ],
    )
    def test_has_what_was_measured(self, text: str, expected: Set) -> None:
        assert one_set(text) == expected

    @pytest.mark.parametrize("text", [row("0", "0"), row("", ""), row("0.0", "0", "0.0", "0.0")])
    def test_is_none_if_nothing_was_measured(self, text: str) -> None:
        assert exercises(text) == (Exercise("Dip"),)

    def test_equal_rows_share_one(self) -> None:
        text = row("100", "5") + row("100", "5").removeprefix(STRONG)
        [exercise] = exercises(text)
        assert exercise.sets == (kg(100, 5), kg(100, 5))
        assert exercise.sets[0] is exercise.sets[1]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (row("heavy", "5"), "Weight: 'heavy' is not a number."),
            (row("100", "5 x"), "Reps: '5 x' is not a number."),
            (row("100", "5.5"), "Reps: '5.5' must be a whole number from 0 to 10,000."),
            (row("100", "10001"), "Reps: '10001' must be a whole number from 0 to 10,000."),
            (row("100", "-1"), "Reps: '-1' must be a whole number from 0 to 10,000."),
            (row("100", "1e999"), "Reps: '1e999' must be a whole number from 0 to 10,000."),
            (row("100", "5", "far"), "Distance: 'far' is not a number."),
            (row("0", "0", "0", "0:99"), "Seconds: '0:99' is not a duration such as 90 or 1:30."),
            (row("0", "0", "0", "-1"), "Seconds: must be from 0 to 604,800 seconds (a week)."),
            (row("0", "0", "0", "604801"), "Seconds: must be from 0 to 604,800 seconds (a week)."),
            (row("100", "5", rpe="hard"), "RPE: 'hard' is not a number."),
        ],
    )
    def test_reports_invalid_cell(self, text: str, message: str) -> None:
        assert problem(text).message == message


class TestDurationUnit:
    @pytest.mark.parametrize(
        ("duration", "unit", "seconds"),
        [("60", "s", 60), ("1.5", "min", 90), ("60", "", 60), ("1", "h", 3600), ("1:30", "s", 90)],
    )
    def test_applies(self, duration: str, unit: str, seconds: int) -> None:
        header = "Date,Workout Name,Exercise Name,Set Order,Duration,Duration Unit\n"
        assert one_set(f"{header}2024-01-15,A,Plank,1,{duration},{unit}\n").duration == seconds

    def test_reports_unknown_unit(self) -> None:
        header = "Date,Workout Name,Exercise Name,Set Order,Duration,Duration Unit\n"
        message = "Duration Unit: 'years' is not a unit of time such as s or min."
        assert problem(f"{header}2024-01-15,A,Plank,1,60,years\n").message == message


class TestExertion:
    @pytest.mark.parametrize(
        ("text", "rpe"),
        [
            *(
                ("8", 8),
                ("8.5", 8.5),
                ("8.25", 8.5),
                ("8.2", 8),
                ("8,5", 8.5),
                ("1", 1),
                ("10", 10),
            ),
            *(("", None), ("0", None)),
        ],
    )
    def test_is_in_halves(self, text: str, rpe: float | None) -> None:
        file = read(row("100", "5", rpe=f'"{text}"'), unit="kg")
        assert file.workouts[0].workout.exercises[0].sets[0].rpe == rpe
        assert file.warnings == []

    @pytest.mark.parametrize("text", ["11", "0.5", "-3", "1e9"])
    def test_out_of_range_is_left_out_with_warning(self, text: str) -> None:
        file = read(row("100", "5", rpe=text), unit="kg")
        assert file.workouts[0].workout.exercises[0].sets == (kg(100, 5),)
        assert file.warnings == [
            "RPE: values out of range were left out; the RPE is 1 to 10 (line 2)."
        ]

    @pytest.mark.parametrize(("rir", "rpe"), [("2", 8), ("0", 10), ("9", 1), ("", None)])
    def test_follows_from_repetitions_in_reserve(self, rir: str, rpe: float | None) -> None:
        header = "Name,StartTime,Exercise,Reps,RIR\n"
        assert one_set(f"{header}A,2024-01-15 18:00:00,Squat,5,{rir}\n").rpe == rpe
