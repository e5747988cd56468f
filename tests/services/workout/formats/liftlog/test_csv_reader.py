"""Plain text files of LiftLog."""

from io import BytesIO

import pytest

from server.services.workout.formats.identity import id_of
from server.services.workout.formats.liftlog import csv_reader
from server.services.workout.formats.model import Format, Problem, ReadFile, ReadOptions
from server.services.workout.formats.table import read_table
from server.services.workout.model import Exercise, Set
from tests.services.workout.formats.liftlog.backups import SESSION_ID

HEADER = "SessionId,Timestamp,Exercise,Weight,WeightUnit,Reps,TargetReps,Notes\n"
ROW = f"{SESSION_ID},2024-10-16T10:45:06,Incline Bench,60,kg,8,8,\n"
LENGTH_ASSUMED = "The length of 1 workout is not in the file; it was taken as 60 minutes."


def read(rows: str, options: ReadOptions | None = None) -> ReadFile:
    return csv_reader.read(read_table(BytesIO((HEADER + rows).encode())), options or ReadOptions())


def at(time: str, exercise: str = "Squat", rest: str = "60,kg,8,8,") -> str:
    return f"{SESSION_ID},2024-10-16T{time},{exercise},{rest}\n"


def exercises(file: ReadFile) -> tuple[Exercise, ...]:
    assert file.problems == []
    [found] = file.workouts
    return found.workout.exercises


class TestWorkouts:
    def test_session_is_a_workout(self) -> None:
        file = read(ROW, ReadOptions(time_zone="Europe/Berlin"))
        [found] = file.workouts
        workout = found.workout
        assert (workout.date.isoformat(), workout.type, workout.notes) == (
            "2024-10-16",
            "Workout",
            "",
        )
        assert workout.start_time == "2024-10-16T10:45:06+02:00"
        one = Set(reps=8, weight=60.0, weight_unit="kg")
        assert workout.exercises == (Exercise("Incline Bench", sets=(one,)),)
        assert (found.line, found.source, found.duration_assumed) == (2, "liftlog", True)
        assert (file.columns_not_read, file.warnings) == (["TargetReps"], [LENGTH_ASSUMED])

    def test_has_the_id_of_the_session_in_a_backup(self) -> None:
        [found] = read(ROW.upper().replace("KG", "kg")).workouts
        assert found.workout.id == id_of(Format.LIFTLOG, SESSION_ID)

    def test_offset_is_kept_and_missing_one_is_asked_for(self) -> None:
        [found] = read(ROW.replace(":06", "+11:00")).workouts
        assert found.workout.start_time == "2024-10-16T10:45:00+11:00"
        file = read(ROW)
        assert file.workouts[0].workout.start_time == "2024-10-16T10:45:06Z"
        assert "import it again with time_zone." in file.warnings[0]

    def test_length_is_from_first_to_last_set(self) -> None:
        [found] = read(at("10:45:00") + at("11:14:30")).workouts
        assert (found.workout.duration, found.duration_assumed) == (30, False)

    def test_times_give_the_order(self) -> None:
        """The app writes the newest set first."""
        rows = [at("10:03:00", "Row", "9,kg,3,3,"), at("10:02:00", "Squat", "9,kg,2,2,")]
        found = exercises(read("".join([*rows, at("10:01:00", "Squat", "9,kg,1,1,")])))
        assert [(one.name, [each.reps for each in one.sets]) for one in found] == [
            ("Squat", [1, 2]),
            ("Row", [3]),
        ]

    def test_sessions_may_be_interleaved(self) -> None:
        other = ROW.replace(SESSION_ID, "other")
        file = read(ROW + other + ROW)
        assert [len(found.workout.exercises[0].sets) for found in file.workouts] == [2, 1]


class TestSets:
    @pytest.mark.parametrize(
        ("rest", "expected"),
        [
            ("135,lbs,5,5,", Set(reps=5, weight=135.0, weight_unit="lb")),
            ("0,-,5,5,", Set(reps=5)),
            ("7,-,5,5,", Set(reps=5)),
            ("0,kg,0,5,", Set(reps=0)),
            (",,5,5,", Set(reps=5)),
            ("45.359237000000004,kg,5,5,", Set(reps=5, weight=45.359, weight_unit="kg")),
        ],
    )
    def test_are_read(self, rest: str, expected: Set) -> None:
        assert exercises(read(at("10:00:00", rest=rest)))[0].sets == (expected,)

    def test_notes_are_those_of_the_exercise(self) -> None:
        rows = at("10:00:00", rest="9,kg,5,5,deep") + at("10:01:00", rest="9,kg,5,5,deep")
        assert exercises(read(rows))[0].notes == "deep"

    @pytest.mark.parametrize(("unit", "expected"), [("", "kg"), ("lb", "lb")])
    def test_missing_unit_is_that_of_the_options(self, unit: str, expected: str) -> None:
        file = read(at("10:00:00", rest="9,,5,5,"), ReadOptions(unit=unit))
        assert exercises(file)[0].sets[0].weight_unit == expected
        assert any("unit=lb" in warning for warning in file.warnings) == (not unit)


class TestProblems:
    @pytest.mark.parametrize(
        ("bad", "message"),
        [
            (ROW.replace("2024-10-16T", ""), "Timestamp: '10:45:06' is not a time in the form "),
            (ROW.replace("-16T", "-32T"), "Timestamp: '2024-10-32T10:45:06' is not a time "),
            (ROW.replace(",kg", ",st"), "WeightUnit: 'st' is neither kg nor lbs."),
            (ROW.replace(",60", ",x"), "Weight: 'x' is not a number from -10,000 to 10,000."),
            (ROW.replace("kg,8", "kg,x"), "Reps: 'x' is not a whole number from 0 to 10,000."),
            (ROW.replace("Incline Bench", " "), "Exercise: must not be empty."),
            (ROW.replace(SESSION_ID, ""), "SessionId: must not be empty."),
            (ROW.replace(SESSION_ID, "a\0"), "SessionId: must not contain a NUL character."),
            ("x\n", "The row must have as many fields as the header (8), not 1."),
        ],
    )
    def test_bad_row_costs_that_row(self, bad: str, message: str) -> None:
        file = read(bad + ROW)
        assert len(file.workouts[0].workout.exercises[0].sets) == 1
        [found] = file.problems
        assert found.line == 2 and found.message.startswith(message)

    def test_limits_sets(self) -> None:
        file = read(ROW * 101)
        assert len(file.workouts[0].workout.exercises[0].sets) == 100
        assert file.problems == [Problem(102, "Exercise: an exercise has at most 100 sets.")]
