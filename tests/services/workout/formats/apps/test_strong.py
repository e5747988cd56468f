"""Strong's exports in their several layouts."""

import datetime as dt

import pytest

from server.services.workout.formats.model import Format, Problem
from server.services.workout.model import Exercise, Set
from tests.services.workout.formats.reading import (
    STRONG,
    exercises,
    kg,
    lb,
    one_set,
    problem,
    read,
    workouts,
)

NUMBERED = (
    "Workout #;Date;Workout Name;Duration (sec);Exercise Name;Set Order;Weight (kg);Reps;RPE;"
    "Distance (meters);Seconds;Notes;Workout Notes\n"
)
UNITS = (
    "Date,Workout Name,Exercise Name,Set Order,Weight,Weight Unit,Reps,RPE,Distance,"
    "Distance Unit,Seconds,Notes,Workout Notes,Workout Duration\n"
)
START = "2021-03-01 18:00:00,A,1h"


class TestLayouts:
    def test_reads_layout_without_units(self) -> None:
        push = '2021-03-01 18:02:11,"Push Day",1h 5m'
        text = STRONG + (
            f'{push},"Bench Press (Barbell)",W,40.0,10,0,0.0,"","",\n'
            f'{push},"Bench Press (Barbell)",1,80.0,5,0,0.0,,"Felt, good",\n'
            f'{push},"Bench Press (Barbell)",Rest Timer,0,0,0,180.0,,,\n'
            f'{push},"Bench Press (Barbell)",2,82.5,4,0,0.0,"Paused",,8.5\n'
            f'{push},"Pull Up",F,0.0,12,0,0.0,,,\n'
            f'{push},"Plank",1,0,0,0,60.0,,,\n'
            '2021-03-03 07:30:00,"Run",45m,"Running",1,0,0,3.72,624.0,,,\n'
        )
        file = read(text, unit="kg")
        assert (file.format, file.problems, file.columns_not_read) == (Format.STRONG, [], [])
        first, second = file.workouts
        assert (first.line, first.source, first.duration_assumed) == (2, "strong", False)
        assert (first.workout.date, first.workout.type) == (dt.date(2021, 3, 1), "Push Day")
        assert (first.workout.duration, first.workout.notes) == (65, "Felt, good")
        assert first.workout.exercises == (
            Exercise(
                "Bench Press (Barbell)",
                "Paused",
                sets=(kg(40, 10)._replace(kind="warmup"), kg(80, 5), kg(82.5, 4)._replace(rpe=8.5)),
            ),
            Exercise("Pull Up", sets=(Set("failure", 12),)),
            Exercise("Plank", sets=(Set(duration=60),)),
        )
        assert (second.line, second.workout.duration) == (8, 45)
        run = Set(distance=3.72, distance_unit="km", duration=624)
        assert second.workout.exercises == (Exercise("Running", sets=(run,)),)

    @pytest.mark.parametrize("delimiter", [",", ";", "\t"])
    def test_reads_layout_with_unit_columns(self, delimiter: str) -> None:
        text = UNITS + (
            "2024-08-24 17:30:00,Legs,Leg Press,1,265,lbs,8,,,,0,,,1h\n"
            "2024-08-24 17:30:00,Legs,Leg Press,D,200,lbs,12,9,,,0,,,1h\n"
            "2024-08-24 17:30:00,Legs,Running,1,,,,,5.0,km,1800,,,1h\n"
        )
        [found] = read(text.replace(",", delimiter)).workouts
        assert (found.workout.duration, found.duration_assumed) == (60, False)
        assert found.workout.exercises == (
            Exercise("Leg Press", sets=(lb(265, 8), lb(200, 12)._replace(kind="drop", rpe=9.0))),
            Exercise("Running", sets=(Set(distance=5, distance_unit="km", duration=1800),)),
        )

    def test_reads_layout_with_decimal_commas(self) -> None:
        upper = '"1";"2025-01-08 12:03:21";"Oben; schwer";"3690"'
        text = NUMBERED + (
            f'{upper};"Bankdrücken";"1";"62,5";"8";"8,5";"";"0";"";""\n'
            f'{upper};"Bankdrücken";"2";"60,0";"8";"";"";"0";"";""\n'
            f'{upper};"Bankdrücken";"Rest Timer";"";"";"";"";"90";"";""\n'
            f'{upper};"Schlitten";"1";"80";"";"";"20";"";"";""\n'
            f'{upper};"Schlitten";"Note";"";"";"";"";"";"Langsam";""\n'
        )
        [workout] = workouts(text)
        assert (workout.type, workout.duration) == ("Oben; schwer", 62)
        sled = kg(80)._replace(distance=20, distance_unit="m")
        assert workout.exercises == (
            Exercise("Bankdrücken", sets=(kg(62.5, 8)._replace(rpe=8.5), kg(60, 8))),
            Exercise("Schlitten", "Langsam", sets=(sled,)),
        )

    def test_number_of_workout_distinguishes(self) -> None:
        rows = [f"{number};2025-01-08 12:03:21;A;60;Squat;1;60;8;;;0;;\n" for number in (1, 2)]
        first, second = workouts(NUMBERED + "".join(rows))
        assert first.id != second.id

    def test_reads_unicode_with_bom_and_crlf(self) -> None:
        text = STRONG + "2021-03-01 18:02:11,脚の日 🏋️,45m,سكوات,1,100,5,0,0,,気持ちいい,\n"
        [workout] = workouts(text.replace("\n", "\r\n").encode("utf-8-sig"))
        assert (workout.type, workout.duration, workout.notes) == ("脚の日 🏋️", 45, "気持ちいい")
        assert workout.exercises == (Exercise("سكوات", sets=(kg(100, 5),)),)

    def test_names_columns_that_are_not_read(self) -> None:
        text = "Date,Workout Name,Exercise Name,Set Order,Mood,Reps,Empty\n"
        file = read(f"{text}2024-01-15,A,Squat,1,good,5,\n")
        assert file.columns_not_read == ["Mood"]


class TestDurations:
    @pytest.mark.parametrize(
        ("length", "minutes"),
        [
            *(("1h 5m", 65), ("45m", 45), ("50s", 1), ("29s", 1), ("1h 2m 30s", 63)),
            *(("1h 2m 29s", 62), ("1:05:00", 65), ("3900", 65), ("168h 29s", 10_080)),
        ],
    )
    def test_are_rounded_to_minutes(self, length: str, minutes: int) -> None:
        [found] = read(f"{STRONG}2021-03-01 18:02:11,A,{length},Squat,1,0,5,0,0,,,\n").workouts
        assert (found.workout.duration, found.duration_assumed) == (minutes, False)

    @pytest.mark.parametrize("length", ["", "0", "0m"])
    def test_missing_one_is_assumed(self, length: str) -> None:
        file = read(f"{STRONG}2021-03-01 18:02:11,A,{length},Squat,1,0,5,0,0,,,\n")
        [found] = file.workouts
        assert (found.workout.duration, found.duration_assumed) == (60, True)
        assert file.warnings == []

    @pytest.mark.parametrize("length", ["168h 30s", "-5", "1e99"])
    def test_one_out_of_range_is_assumed_with_warning(self, length: str) -> None:
        file = read(f"{STRONG}2021-03-01 18:02:11,A,{length},Squat,1,0,5,0,0,,,\n")
        [found] = file.workouts
        assert (found.workout.duration, found.duration_assumed) == (60, True)
        assert file.warnings == [
            "Lengths that are not from 1 to 10,080 minutes were replaced by 60 minutes (line 2)."
        ]

    def test_first_one_that_is_not_zero_counts(self) -> None:
        lengths = ["0", "1h", "2h", "0"]
        rows = [f"2021-03-01 18:02:11,A,{length},Squat,1,0,5,0,0,,,\n" for length in lengths]
        assert workouts(STRONG + "".join(rows))[0].duration == 60

    def test_reports_other_text(self) -> None:
        found = problem(f"{STRONG}2021-03-01 18:02:11,A,late,Squat,1,0,5,0,0,,,\n")
        assert found.message == "Duration: 'late' is not a duration such as 1h 5m or 3900."


class TestSetOrder:
    @pytest.mark.parametrize(
        ("word", "kind"),
        [
            *(
                ("1", None),
                ("12", None),
                ("1.0", None),
                ("", None),
                ("W", "warmup"),
                ("w", "warmup"),
            ),
            *(("Warm-up", "warmup"), ("D", "drop"), ("Drop Set", "drop"), ("F", "failure")),
            ("Failure", "failure"),
        ],
    )
    def test_is_kind(self, word: str, kind: str | None) -> None:
        assert one_set(f"{STRONG}{START},Dip,{word},0,5,0,0,,,\n").kind == kind

    def test_unknown_word_is_left_out_with_warning(self) -> None:
        file = read(f"{STRONG}{START},Dip,X,0,5,0,0,,,\n")
        assert file.workouts[0].workout.exercises == (Exercise("Dip", sets=(Set(reps=5),)),)
        assert file.warnings == [
            "Set Order: kinds of sets that are not known were left out (line 2)."
        ]

    @pytest.mark.parametrize("word", ["Rest Timer", "Note", "rest timer", "Pausentimer"])
    def test_other_row_is_no_set(self, word: str) -> None:
        text = f"{STRONG}{START},Dip,1,0,5,0,0,,,\n{START},Dip,{word},0,0,0,90,slow,,\n"
        assert exercises(text) == (Exercise("Dip", "slow", sets=(Set(reps=5),)),)

    def test_restart_begins_another_exercise(self) -> None:
        orders = ["W", "1", "2", "1", "2"]
        text = STRONG + "".join(f"{START},Squat,{order},100,5,0,0,,,\n" for order in orders)
        assert [len(one.sets) for one in exercises(text)] == [3, 2]

    def test_constant_order_means_nothing(self) -> None:
        text = STRONG + f"{START},Squat,1,100,5,0,0,,,\n" * 4
        assert [len(one.sets) for one in exercises(text)] == [4]


class TestProblems:
    @pytest.mark.parametrize(
        "date", ["", "2023-02-29 10:00:00", "2021-03-01 25:00", "2021-03-01 13:00 PM", "yesterday"]
    )
    def test_reports_invalid_date(self, date: str) -> None:
        wrong = "is not a date such as 2024-01-15 18:30:00 or 15 Jan 2024, 18:30"
        file = read(f"{STRONG}{date},A,1h,Squat,1,0,5,0,0,,,\n{START},Row,1,0,5,0,0,,,\n")
        assert file.problems == [Problem(2, f"Date: {date!r} {wrong}.")]
        assert [found.line for found in file.workouts] == [3]

    def test_reports_each_invalid_row_with_its_line(self) -> None:
        text = STRONG + (
            f'{START},Squat,1,100,5,0,0,"a\nb\nc",,\n'
            f"{START},Squat,2,x,5,0,0,,,\n"
            f"{START},Squat,3,90,y,0,0,,,\n"
            f"{START},Squat,4,80,5,0,0,,,\n"
        )
        file = read(text, unit="kg")
        assert [found.line for found in file.problems] == [5, 6]
        [found] = file.workouts
        expected = Exercise("Squat", "a\nb\nc", sets=(kg(100, 5), kg(80, 5)))
        assert found.workout.exercises == (expected,)

    def test_reports_nul(self) -> None:
        found = problem(f"{STRONG}{START},Squat,1,100,5,0,0,a\0b,,\n")
        assert found.message == "Notes: must not contain a NUL character."


class TestIds:
    def test_depend_on_start_and_name_only(self) -> None:
        def ids(*rows: str) -> list[str]:
            return [str(workout.id) for workout in workouts(STRONG + "\n".join(rows))]

        first = "2021-03-01 18:00:00,A,1h,Squat,1,100,5,0,0,,,"
        edited = "2021-03-01 18:00,A,2h,Squat,1,105,5,0,0,,edited,"
        assert ids(first) == ids(edited) == ["412ea6ec-4413-5a19-8d92-fc7a46037f11"]
        midnights = [first.replace("18:00:00", time) for time in ("00:00:00", "12:00 AM", "")]
        assert len({*ids(midnights[0]), *ids(midnights[1]), *ids(midnights[2])}) == 1
        others = [first.replace(",A,", ",B,"), first.replace("18:00:00", "18:00:01")]
        assert len(set(ids(first, *others))) == 3
