"""FitNotes' exports: by day, and with named workouts."""

import datetime as dt

import pytest

from server.services.workout.formats.model import Format, Problem
from server.services.workout.model import Exercise, Set
from tests.services.workout.formats.reading import (
    FITNOTES,
    exercises,
    kg,
    lb,
    one_set,
    problem,
    read,
    workouts,
)

OLD = "Date,Exercise,Category,Weight (kgs),Reps,Distance,Distance Unit,Time,Comment\n"
BOTH = (
    "Date,Exercise,Category,Weight (kg),Weight (lbs),Reps,Distance,Distance Unit,Time,Notes,Kind\n"
)
NAMED = (
    "Name,StartTime,EndTime,BodyWeight,Exercise,Equipment,Reps,Weight,Time,Distance,"
    "Status,IsWarmup,RPE,RIR,Categories,Note\n"
)


class TestDays:
    def test_each_day_is_a_workout(self) -> None:
        text = OLD + (
            '2018-01-14,Flat Barbell Bench Press,Chest,100.0,5,,,,"good, \nfast"\n'
            "2018-01-14,Flat Barbell Bench Press,Chest,102.5,3,,,,\n"
            "2018-01-15,Cycling,Cardio,,,12,km,0:30:00,\n"
            "2018-01-14,Plank,Abs,,,,,0:01:30,\n"
            "2018-01-14,Fly,Chest,20.0,10,,,,\n"
        )
        file = read(text)
        assert (file.format, file.problems, file.warnings) == (Format.FITNOTES, [], [])
        first, second = file.workouts
        assert (first.line, first.workout.type, first.source) == (2, "Chest, Abs", "fitnotes")
        assert (first.workout.duration, first.duration_assumed) == (60, True)
        assert (first.workout.date, first.workout.start_time) == (dt.date(2018, 1, 14), "")
        bench = (kg(100, 5)._replace(notes="good, \nfast"), kg(102.5, 3))
        assert first.workout.exercises == (
            Exercise("Flat Barbell Bench Press", sets=bench),
            Exercise("Plank", sets=(Set(duration=90),)),
            Exercise("Fly", sets=(kg(20, 10),)),
        )
        assert (second.line, second.workout.type) == (5, "Cardio")
        cycling = Set(distance=12, distance_unit="km", duration=1800)
        assert second.workout.exercises == (Exercise("Cycling", sets=(cycling,)),)

    def test_exercise_twice_a_day_is_two_exercises(self) -> None:
        names = ["Squat", "Fly", "Squat"]
        rows = [f"2018-01-14,{name},Legs,100,kgs,5,,,,\n" for name in names]
        assert [one.name for one in exercises(FITNOTES + "".join(rows))] == names

    def test_reads_first_column_of_a_title(self) -> None:
        text = FITNOTES.replace("Comment", "Reps,Comment,Distance")
        assert one_set(f"{text}2024-01-15,Run,,,,9,5,km,,8,,6\n") == Set(
            reps=9, distance=5, distance_unit="km"
        )

    def test_reads_unit_in_title(self) -> None:
        text = OLD.replace("kgs", "lbs") + "2020-10-04,Bench Press,Chest,225,5,,,,\n"
        assert one_set(text) == lb(225, 5)

    @pytest.mark.parametrize(
        ("weights", "expected"),
        [("100,", kg(100, 5)), (",225", lb(225, 5)), ("0,0", Set(reps=5))],
    )
    def test_reads_first_weight_that_is_not_zero(self, weights: str, expected: Set) -> None:
        text = f"{BOTH}2024-01-15,Squat,Legs,{weights},5,,,,deep,wr\n"
        assert one_set(text) == expected._replace(notes="deep")
        assert read(text).columns_not_read == ["Kind"]

    @pytest.mark.parametrize(
        ("unit", "distance", "expected"),
        [
            *(("km", "5", (5, "km")), ("m", "400", (400, "m")), ("mi", "3", (3, "mi"))),
            *(("ft", "100", (30.48, "m")), ("yd", "50", (50, "yd")), ("cm", "250", (2.5, "m"))),
        ],
    )
    def test_reads_distance(self, unit: str, distance: str, expected: tuple[float, str]) -> None:
        one = one_set(f"{FITNOTES}2024-01-15,Run,Cardio,,,,{distance},{unit},,\n")
        assert (one.distance, one.distance_unit) == expected

    def test_distance_without_unit_is_metres_with_warning(self) -> None:
        file = read(f"{FITNOTES}2024-01-15,Run,Cardio,,,,400,,,\n")
        assert file.workouts[0].workout.exercises[0].sets[0].distance_unit == "m"
        assert file.warnings == [
            "The file does not name the unit of its distances; they were read as metres."
        ]

    @pytest.mark.parametrize(
        ("time", "seconds"),
        [
            *(("0:01:30", 90), ("00:12:30", 750), ("12:30", 750), ("1:05:09", 3909)),
            *(("0:00:45", 45), ("90", 90)),
        ],
    )
    def test_reads_times_of_sets(self, time: str, seconds: int) -> None:
        assert one_set(f"{OLD}2024-06-01,Plank,Abs,,,,,{time},\n").duration == seconds

    @pytest.mark.parametrize("time", ["0:00:00", ""])
    def test_row_without_measurement_is_no_set(self, time: str) -> None:
        text = f"{OLD}2024-06-01,Plank,Abs,0,0,0,,{time},skipped\n"
        assert exercises(text) == (Exercise("Plank", "skipped"),)

    @pytest.mark.parametrize("date", ["2023-02-29", "23/13/2025", "soon"])
    def test_reports_invalid_date(self, date: str) -> None:
        found = problem(f"{OLD}{date},Plank,Abs,,,,,60,\n")
        assert found.line == 2 and found.message.startswith(f"Date: {date!r} is not a date")

    def test_reports_invalid_time(self) -> None:
        file = read(OLD + "2024-06-01,Plank,Abs,,,,,1:75,\n2024-06-01,Plank,Abs,,,,,1:15,\n")
        expected = "Time: '1:75' is not a duration such as 90 or 1:30."
        assert file.problems == [Problem(2, expected)]
        assert file.workouts[0].workout.exercises == (Exercise("Plank", sets=(Set(duration=75),)),)

    def test_id_depends_on_day_only(self) -> None:
        [one] = workouts(OLD + "2018-01-14,Fly,Chest,20.0,10,,,,\n")
        [later] = workouts(FITNOTES + "2018-01-14,Row,Back,50.0,kgs,10,,,,\n")
        assert one.id == later.id
        assert str(one.id) == "ac8efde2-c1b9-5b32-811c-2fe4ce328cba"


class TestCategories:
    def test_missing_category_becomes_default_type(self) -> None:
        [workout] = workouts(OLD + "2024-06-01,Plank,,,,,,60,\n")
        assert workout.type == "Workout"

    def test_long_list_is_cut_between_categories(self) -> None:
        names = [letter * 32 for letter in "abc"]  # 32 * 3 + 4 = 100
        rows = [f"2024-06-01,Plank,{name},,,,,60,\n" for name in names]
        [workout] = workouts(OLD + "".join(rows))
        assert (workout.type, workout.notes) == (", ".join(names), "")
        [workout] = workouts(OLD + "".join(rows) + "2024-06-01,Plank,d,,,,,60,\n")
        assert (workout.type, workout.notes) == (", ".join(names), ", ".join([*names, "d"]))

    def test_list_one_character_too_long_is_cut_before_last_fitting(self) -> None:
        names = ["a" * 40, "b" * 59, "c"]  # The first two have 101 characters.
        rows = [f"2024-06-01,Plank,{name},,,,,60,\n" for name in names]
        assert workouts(OLD + "".join(rows))[0].type == "a" * 40

    def test_long_category_is_cut(self) -> None:
        [workout] = workouts(OLD + f"2024-06-01,Plank,{'x' * 101},,,,,60,\n")
        assert (workout.type, workout.notes) == ("x" * 100, "x" * 101)


class TestNamedWorkouts:
    def test_reads_all_fields(self) -> None:
        start = 'Push,2025-02-23T10:13:53Z,2025-02-23T11:08:47Z,"94,0"'
        text = NAMED + (
            f'{start},Bench,Barbell,10,"20,0",,,Done,true,,,"Pectorals,Triceps",\n'
            f'{start},Bench,Barbell,5,"82,5",,,Failed,false,"8,5",2,"Pectorals",slow\n'
            f'{start},Plank,,1,"0,0",00:01:30,,NotStarted,false,,,"Core",\n'
        )
        file = read(text, unit="kg", time_zone="Europe/Berlin")
        assert (file.problems, file.warnings, file.columns_not_read) == ([], [], ["Categories"])
        [found] = file.workouts
        assert (found.workout.type, found.workout.duration) == ("Push", 55)
        assert found.workout.start_time == "2025-02-23T11:13:53+01:00"
        assert (found.workout.notes, found.duration_assumed) == ("Body weight: 94,0", False)
        assert found.workout.exercises == (
            Exercise(
                "Bench (Barbell)",
                sets=(
                    kg(20, 10)._replace(kind="warmup"),
                    kg(82.5, 5)._replace(kind="failure", rpe=8.5, notes="slow"),
                ),
            ),
            Exercise("Plank", sets=(Set(reps=1, duration=90, completed=False),)),
        )

    def test_assumes_duration_without_end(self) -> None:
        row = "Push,2025-02-23T10:13:53Z,,,Bench,,8,60,,,Done,false,,,,\n"
        [found] = read(NAMED + row).workouts
        assert (found.workout.duration, found.duration_assumed) == (60, True)

    def test_assumes_duration_if_end_is_before_start(self) -> None:
        row = "Push,2025-02-23T10:13:53Z,2025-02-23T10:13:52Z,,Bench,,8,60,,,Done,false,,,,\n"
        file = read(NAMED + row, unit="kg")
        assert file.workouts[0].duration_assumed
        assert (file.problems, len(file.warnings)) == ([], 1)
