"""Our own format with exercises: rows become sets, and one bad row costs that row."""

import csv
import datetime as dt
from io import BytesIO, StringIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.services.workout.formats.model import ReadFile, ReadOptions, UnreadableFile
from server.services.workout.formats.own import csv_reader
from server.services.workout.formats.own.write import csv_header, csv_lines
from server.services.workout.formats.table import read_table
from server.services.workout.model import Exercise, Set
from tests.services.workout.formats.workouts import stored

ID = "0b5c3f0e-1111-4222-8333-944445555666"
HEADER = "id,date,type,duration,exercise,reps,weight,weight_unit,notes"
CREATED = dt.datetime(2024, 3, 1, tzinfo=dt.UTC)
WORKOUT = f"{ID},2024-01-01,Legs,45"


def read(text: str, unit: str = "") -> ReadFile:
    return csv_reader.read(read_table(BytesIO(text.encode())), ReadOptions(unit=unit))


def exercises(file: ReadFile) -> tuple[Exercise, ...]:
    assert file.problems == []
    [found] = file.workouts
    return found.workout.exercises


def problem(columns: str, row: str) -> str:
    """Return the problem of a row with more columns; the set before it is kept."""
    file = read(
        f"id,date,type,duration,exercise,{columns}\n{WORKOUT},Squat,{',' * columns.count(',')}\n"
        f"{WORKOUT},{row}\n"
    )
    [found] = file.workouts
    assert [exercise.name for exercise in found.workout.exercises] == ["Squat"]
    [bad] = file.problems
    assert bad.line == 3
    return bad.message


class TestWorkouts:
    def test_rows_of_one_id_are_one_workout(self) -> None:
        other = f"{ID[:-1]}7,2024-01-02,Pull,30,Row,8,50,kg,\n"
        rows = f"{WORKOUT},Squat,5,100,kg,deep\n{other}{WORKOUT},Lunge,8,,,\n"
        file = read(f"{HEADER}\n{rows}")
        assert [(found.line, found.workout.type) for found in file.workouts] == [
            (2, "Legs"),
            (3, "Pull"),
        ]
        assert file.workouts[0].workout.exercises == (
            Exercise("Squat", sets=(Set(reps=5, weight=100.0, weight_unit="kg"),)),
            Exercise("Lunge", sets=(Set(reps=8),)),
        )
        assert file.workouts[0].workout.notes == "deep"

    def test_rows_without_ids_that_follow_one_another_are_one(self) -> None:
        rows = "2024-01-01,Legs,45,Squat,5\n2024-01-01,Legs,45,Squat,4\n"
        file = read(f"date,type,duration,exercise,reps\n{rows}2024-01-02,Legs,45,Squat,3\n{rows}")
        sets = [found.workout.exercises[0].sets for found in file.workouts]
        assert sets == [(Set(reps=5), Set(reps=4)), (Set(reps=3),), (Set(reps=5), Set(reps=4))]
        assert len({found.workout.id for found in file.workouts}) == 3

    @pytest.mark.parametrize(
        "other",
        [
            "2024-01-02,Legs,45,,Squat,4",
            "2024-01-01,Arms,45,,Squat,4",
            "2024-01-01,Legs,30,,Squat,4",
            "2024-01-01,Legs,45,2024-01-01T18:00:00Z,Squat,4",
        ],
    )
    def test_rows_that_differ_are_other_workouts(self, other: str) -> None:
        file = read(
            f"date,type,duration,start_time,exercise,reps\n2024-01-01,Legs,45,,Squat,5\n{other}\n"
        )
        assert len(file.workouts) == 2

    def test_rows_without_exercise_are_workouts_of_their_own(self) -> None:
        file = read("date,type,duration,exercise\n2024-01-01,Run,45,\n2024-01-01,Run,45,\n")
        assert [found.workout.exercises for found in file.workouts] == [(), ()]

    def test_notes_of_other_rows_are_kept(self) -> None:
        rows = f"{WORKOUT},Squat,5,,,a\n{WORKOUT},Squat,5,,,b\n{WORKOUT},Squat,5,,,a\n"
        [found] = read(f"{HEADER}\n{rows}").workouts
        assert found.workout.notes == "a\nb"


class TestExercises:
    def test_the_same_name_again_is_another_exercise(self) -> None:
        rows = "".join(f"{WORKOUT},{name},5,,,\n" for name in ("Squat", "Squat", "Row", "Squat"))
        names = [(one.name, len(one.sets)) for one in exercises(read(f"{HEADER}\n{rows}"))]
        assert names == [("Squat", 2), ("Row", 1), ("Squat", 1)]

    def test_numbers_separate_exercises_of_one_name(self) -> None:
        rows = f"{WORKOUT},Squat,1,5\n{WORKOUT},Squat,2,4\n"
        found = exercises(read(f"id,date,type,duration,exercise,exercise_number,reps\n{rows}"))
        assert found == (
            Exercise("Squat", sets=(Set(reps=5),)),
            Exercise("Squat", sets=(Set(reps=4),)),
        )

    def test_name_has_no_space_around_it(self) -> None:
        assert exercises(read(f"{HEADER}\n{WORKOUT}, Squat ,5,,,\n"))[0].name == "Squat"


class TestUnits:
    @pytest.mark.parametrize(("unit", "expected"), [("", "kg"), ("kg", "kg"), ("lb", "lb")])
    def test_weight_without_unit_takes_that_of_the_options(self, unit: str, expected: str) -> None:
        file = read(f"{HEADER}\n{WORKOUT},Squat,5,100,,\n{WORKOUT},Squat,5,90,lb,\n", unit)
        assert [one.weight_unit for one in exercises(file)[0].sets] == [expected, "lb"]
        warning = (
            "Weights without a unit were taken as kg. If they are pounds, import the file again "
            "with unit=lb."
        )
        assert file.warnings == ([] if unit else [warning])

    @pytest.mark.parametrize(
        ("weight", "expected"),
        [
            *(("45.359237000000004", 45.359), ("2.0005", 2.001), ("-2.0005", -2.001)),
            *(("1e2", 100.0), ("82,5", 82.5), ("-0.0", 0.0), ("10000.0004", 10_000.0)),
        ],
    )
    def test_weight_is_rounded_half_up_to_3_decimals(self, weight: str, expected: float) -> None:
        file = read(f'{HEADER}\n{WORKOUT},Squat,5,"{weight}",kg,\n')
        [one] = exercises(file)[0].sets
        assert str(one.weight) == str(expected)


class TestProblems:
    @pytest.mark.parametrize(
        ("columns", "row", "message"),
        [
            ("reps", "Squat,x", "reps: 'x' is not a whole number from 0 to 10,000."),
            ("reps", "Squat,10001", "reps: '10001' is not a whole number from 0 to 10,000."),
            ("reps", ",5", "exercise: must not be empty in the row of a set."),
            ("kind", "Squat,hard", "kind: 'hard' is not one of normal, warmup, drop, failure."),
            ("rpe", "Squat,7.3", "rpe: '7.3' is not a number from 1 to 10 in steps of 0.5."),
            ("completed", "Squat,maybe", "completed: 'maybe' is neither true nor false."),
            ("superset", "Squat,11", "superset: '11' is not a whole number from 0 to 10."),
            (
                "weight,weight_unit",
                "Squat,10000.001,kg",
                "weight: '10000.001' is not a number from -10,000 to 10,000.",
            ),
            ("weight,weight_unit", "Squat,5,st", "weight_unit: 'st' is not one of kg, lb."),
            ("distance,distance_unit", "Run,5,", "distance_unit: '' is not one of m, km, mi, yd."),
            (
                "weight,weight_unit",
                'Squat,"1,000",kg',
                "weight: '1,000' is not a number from -10,000 to 10,000.",
            ),
            (
                "set_notes",
                f"Squat,{'x' * 501}",
                "set_notes: must have at most 500 characters, not 501.",
            ),
            ("reps", f"{'x' * 101},5", "exercise: must have at most 100 characters, not 101."),
        ],
    )
    def test_bad_cell_costs_its_row(self, columns: str, row: str, message: str) -> None:
        assert problem(columns, row) == message

    def test_bad_set_keeps_the_notes_of_its_workout(self) -> None:
        file = read(f"{HEADER}\n{WORKOUT},Squat,x,,,deep\n{WORKOUT},Squat,5,,,\n")
        [found] = file.workouts
        assert (found.workout.notes, found.line) == ("deep", 2)
        assert found.workout.exercises == (Exercise("Squat", sets=(Set(reps=5),)),)
        assert [problem.line for problem in file.problems] == [2]

    def test_workout_of_bad_rows_alone_is_not_imported(self) -> None:
        file = read(f"{HEADER}\n{WORKOUT},Squat,x,,,\n")
        assert (file.workouts, len(file.problems)) == ([], 1)

    def test_rows_of_one_id_must_agree(self) -> None:
        file = read(f"{HEADER}\n{WORKOUT},Squat,5,,,\n{ID},2024-01-02,Legs,45,Squat,4,,,\n")
        assert len(file.workouts[0].workout.exercises) == 1
        [bad] = file.problems
        assert bad.message == "date: must be as in line 2, which has the same id."

    def test_limits_exercises_and_sets(self) -> None:
        names = "".join(f"{WORKOUT},{number},5,,,\n" for number in range(101))
        file = read(f"{HEADER}\n{names}")
        assert len(file.workouts[0].workout.exercises) == 100
        assert file.problems[0].message == "exercise: a workout has at most 100 exercises."
        file = read(f"{HEADER}\n" + f"{WORKOUT},Squat,5,,,\n" * 101)
        assert len(file.workouts[0].workout.exercises[0].sets) == 100
        assert file.problems[0].message == "exercise: an exercise has at most 100 sets."


class TestColumnsNotRead:
    def test_names_columns_that_hold_something(self) -> None:
        file = read(
            "date,type,duration,distance,Mood,empty\n"
            "2024-01-01,Run,30,,good, \n2024-01-02,Run,30,5,,\n"
        )
        assert file.columns_not_read == ["distance", "Mood"]
        assert len(file.workouts) == 2

    def test_reads_columns_of_sets_beside_exercises(self) -> None:
        header = "date,type,duration,exercise,distance,distance_unit"
        file = read(f"{header}\n2024-01-01,Run,30,Run,5.2,km\n")
        assert file.columns_not_read == []
        assert exercises(file)[0].sets == (Set(distance=5.2, distance_unit="km"),)


class TestSource:
    def test_is_restored(self) -> None:
        header = "date,type,duration,source,create_time"
        rows = "2024-01-01,Run,30,strong,2024-01-02T03:04:05.6Z\n2024-01-02,Run,30,,\n"
        first, second = read(f"{header}\n{rows}").workouts
        assert (first.source, second.source, second.created) == ("strong", "", None)
        assert first.created is not None
        assert first.created.isoformat() == "2024-01-02T03:04:05.600000+00:00"

    def test_is_our_format_if_unknown(self) -> None:
        file = read("date,type,duration,source\n2024-01-01,Run,30,Watch\n")
        assert file.workouts[0].source == "gymlocker"
        assert file.warnings == [
            "source: 'Watch' is not one of our sources; these workouts have the source gymlocker."
        ]


# Cells that reach more code than random texts do.
CELLS = [
    *("", " ", "0", "1", "2", "5", "-5", "1.5", "1,5", "kg", "lb", "km", "warmup", "true", "Squat"),
    *("2024-02-29", "2024-02-29T18:30:00Z", "Run", "'=1", "\0", "1441", ID, "x" * 101),
]


class TestRobustness:
    @settings(max_examples=150, deadline=None)
    @given(st.data())
    def test_reads_rows_of_arbitrary_cells(self, data: st.DataObject) -> None:
        [header] = csv.reader([csv_header().decode()])
        columns = data.draw(st.lists(st.sampled_from(header), unique=True))
        columns = list(dict.fromkeys(["date", "type", "duration", *columns]))
        cell = st.one_of(st.sampled_from(CELLS), st.text(max_size=5))
        rows = data.draw(st.lists(st.lists(cell, min_size=len(columns), max_size=len(columns))))
        # Most rows have a workout, so that their other cells count.
        for row in rows[: len(rows) * 3 // 4]:
            row[:3] = ["2024-02-29", "Legs", "45"]
        text = StringIO(newline="")
        csv.writer(text).writerows([columns, *rows])
        try:
            file = read(text.getvalue().encode(errors="replace").decode())
        except UnreadableFile:
            return
        assert len({found.workout.id for found in file.workouts}) == len(file.workouts)
        for lines in ([one.line for one in file.workouts], [one.line for one in file.problems]):
            assert lines == sorted(lines)
        assert all(one.message.endswith(".") for one in file.problems)
        written = [stored(one.workout, one.source, CREATED) for one in file.workouts]
        again = read((csv_header() + b"".join(map(csv_lines, written))).decode())
        assert [one.workout for one in again.workouts] == [one.workout for one in file.workouts]
