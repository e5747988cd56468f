"""FitNotes' exports: by day, and with named workouts."""

import pytest

from server.services.workout.formats.model import Format, Problem, ReadFile
from server.services.workout.formats.read import read_file

OLD = "Date,Exercise,Category,Weight (kgs),Reps,Distance,Distance Unit,Time,Comment\n"


NEW = "Date,Exercise,Category,Weight,Weight Unit,Reps,Distance,Distance Unit,Time\n"


BOTH = (
    "Date,Exercise,Category,Weight (kg),Weight (lbs),Reps,Distance,Distance Unit,Time,Notes,Kind\n"
)


NAMED = (
    "Name,StartTime,EndTime,BodyWeight,Exercise,Equipment,Reps,Weight,Time,Distance,"
    "Status,IsWarmup,RPE,RIR,Categories,Note\n"
)


def read(text: str) -> ReadFile:
    file = read_file(text.encode(), format=None, default_duration=60)
    assert file.format is Format.FITNOTES
    return file


def notes(text: str) -> str:
    file = read(text)
    assert file.problems == []
    [found] = file.workouts
    return found.workout.notes


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
        assert file.problems == []
        first, second = file.workouts
        assert (first.line, first.workout.type) == (2, "Chest, Abs")
        assert (first.workout.duration, first.duration_assumed) == (60, True)
        assert first.workout.date.isoformat() == "2018-01-14"
        assert first.workout.notes == (
            "Flat Barbell Bench Press: 100 kgs × 5, 102.5 kgs × 3 (good, fast)\n"
            "Plank: 1:30\n"
            "Fly: 20 kgs × 10"
        )
        assert (second.line, second.workout.type) == (5, "Cardio")
        assert second.workout.notes == "Cycling: 12 km · 30:00"

    def test_reads_unit_column(self) -> None:
        assert (
            notes(NEW + "2019-07-01,Bench Press,Chest,225.0,lbs,5,,,\n")
            == "Bench Press: 225 lbs × 5"
        )

    def test_reads_unit_in_title(self) -> None:
        text = OLD.replace("kgs", "lbs") + "2020-10-04,Bench Press,Chest,225,5,,,,\n"
        assert notes(text) == "Bench Press: 225 lbs × 5"

    @pytest.mark.parametrize(
        ("weights", "text"), [("100,", "100 kg × 5"), (",225", "225 lbs × 5"), ("0,0", "5 reps")]
    )
    def test_reads_first_weight_that_is_not_zero(self, weights: str, text: str) -> None:
        assert (
            notes(BOTH + f"2024-01-15,Squat,Legs,{weights},5,,,,deep,wr\n")
            == f"Squat: {text} (deep)"
        )

    @pytest.mark.parametrize(
        ("time", "text"),
        [
            ("0:01:30", "1:30"),
            ("00:12:30", "12:30"),
            ("12:30", "12:30"),
            ("1:05:09", "1:05:09"),
            ("0:00:45", "45 s"),
            ("90", "90 s"),
            ("0:00:00", "–"),
            ("", "–"),
        ],
    )
    def test_reads_times_of_sets(self, time: str, text: str) -> None:
        assert notes(OLD + f"2024-06-01,Plank,Abs,,,,,{time},\n") == f"Plank: {text}"

    @pytest.mark.parametrize("date", ["2023-02-29", "23/12/2025"])
    def test_reports_invalid_date(self, date: str) -> None:
        file = read(OLD + f"{date},Plank,Abs,,,,,60,\n")
        assert file.workouts == []
        [found] = file.problems
        assert found.line == 2 and found.message.startswith(f"Date: {date!r} is not a date")

    def test_reports_invalid_time(self) -> None:
        file = read(OLD + "2024-06-01,Plank,Abs,,,,,1:75,\n2024-06-02,Plank,Abs,,,,,1:15,\n")
        expected = "Time: '1:75' is not a number; its workout was skipped."
        assert file.problems == [Problem(2, expected)]
        assert [found.line for found in file.workouts] == [3]

    def test_id_depends_on_day_only(self) -> None:
        [one] = read(OLD + "2018-01-14,Fly,Chest,20.0,10,,,,\n").workouts
        [later] = read(NEW + "2018-01-14,Row,Back,50.0,kgs,10,,,\n").workouts
        assert one.workout.id == later.workout.id
        assert str(one.workout.id) == "ac8efde2-c1b9-5b32-811c-2fe4ce328cba"


class TestCategories:
    def test_missing_category_becomes_default_type(self) -> None:
        [found] = read(OLD + "2024-06-01,Plank,,,,,,60,\n").workouts
        assert found.workout.type == "Workout"

    def test_long_list_is_cut_between_categories(self) -> None:
        names = [letter * 32 for letter in "abc"]  # 32 * 3 + 4 = 100
        rows = [f"2024-06-01,Plank,{name},,,,,60,\n" for name in names]
        [found] = read(OLD + "".join(rows)).workouts
        assert found.workout.type == ", ".join(names)
        assert found.workout.notes == "Plank: 60 s, 60 s, 60 s"
        [found] = read(OLD + "".join(rows) + "2024-06-01,Plank,d,,,,,60,\n").workouts
        assert found.workout.type == ", ".join(names)
        assert found.workout.notes.startswith(", ".join([*names, "d"]) + "\nPlank: ")

    def test_list_one_character_too_long_is_cut_before_last_fitting(self) -> None:
        names = ["a" * 40, "b" * 59, "c"]  # The first two have 101 characters.
        rows = [f"2024-06-01,Plank,{name},,,,,60,\n" for name in names]
        [found] = read(OLD + "".join(rows)).workouts
        assert found.workout.type == "a" * 40

    def test_long_category_is_cut(self) -> None:
        [found] = read(OLD + f"2024-06-01,Plank,{'x' * 101},,,,,60,\n").workouts
        assert found.workout.type == "x" * 100
        assert found.workout.notes == "x" * 101 + "\nPlank: 60 s"


class TestNamedWorkouts:
    def test_reads_all_fields(self) -> None:
        text = NAMED + (
            'Push,2025-02-23T10:13:53Z,2025-02-23T11:08:47Z,"94,0",Bench,Barbell,10,"20,0",,,Done,true,,,"Pectorals,Triceps",\n'
            'Push,2025-02-23T10:13:53Z,2025-02-23T11:08:47Z,"94,0",Bench,Barbell,5,"82,5",,,Failed,false,"8,5",2,"Pectorals",slow\n'
            'Push,2025-02-23T10:13:53Z,2025-02-23T11:08:47Z,"94,0",Plank,,1,"0,0",00:01:30,,NotStarted,false,,,"Core",\n'
        )
        [found] = read(text).workouts
        assert (found.workout.type, found.workout.duration) == ("Push", 55)
        assert not found.duration_assumed
        assert found.workout.notes == (
            "Body weight: 94\n"
            "Bench (Barbell): 20 × 10 (warm-up), 82,5 × 5 @8,5 RIR 2 (failed) (slow)\n"
            "Plank: 1 rep · 1:30 (not started)"
        )

    def test_assumes_duration_without_end(self) -> None:
        row = "Push,2025-02-23T10:13:53Z,,,Bench,,8,60,,,Done,false,,,,\n"
        [found] = read(NAMED + row).workouts
        assert (found.workout.duration, found.duration_assumed) == (60, True)

    def test_reports_end_before_start(self) -> None:
        row = "Push,2025-02-23T10:13:53Z,2025-02-23T10:13:52Z,,Bench,,8,60,,,Done,false,,,,\n"
        file = read(NAMED + row)
        expected = "EndTime: must not be before the start."
        assert (file.workouts, file.problems) == ([], [Problem(2, expected)])
