"""Exports, byte by byte."""

import datetime as dt
import json
from uuid import UUID

from server.services.workout.formats.own.write import csv_header, csv_lines, json_object
from server.services.workout.model import Exercise, Set, StoredWorkout, Workout
from tests.services.workout.formats.workouts import stored

ID = UUID("0b5c3f0e-1111-4222-8333-944445555666")
CREATED = dt.datetime(2024, 3, 1, 8, 0, 0, 250_000, tzinfo=dt.timezone(dt.timedelta(hours=1)))
# After the notes of a workout without a start time and a source.
REST = b",,,2024-03-01T07:00:00.250000Z,,,,,,,,,,,,,,,\r\n"
TRAINING = (
    Exercise(
        "Bench Press",
        "elbows in",
        0,
        (
            Set("warmup", 10, 40.0, "kg"),
            Set(reps=0, weight=-102.5, weight_unit="lb", rpe=8.5, completed=False, notes="slow"),
        ),
    ),
    Exercise("Run", sets=(Set(distance=10_000_000.0, distance_unit="m", duration=0),)),
    Exercise("Plank"),
)


def example(
    date: dt.date = dt.date(2024, 2, 29),
    kind: str = "Run",
    duration: int = 45,
    notes: str = "",
    exercises: tuple[Exercise, ...] = (),
) -> StoredWorkout:
    workout = Workout(ID, date, kind, duration, notes, exercises=exercises)
    return stored(workout, "", CREATED)


class TestCsv:
    def test_header(self) -> None:
        assert csv_header() == (
            b"id,date,type,duration,notes,start_time,source,create_time,"
            b"exercise,exercise_notes,superset,exercise_number,"
            b"set_number,kind,reps,weight,weight_unit,distance,distance_unit,"
            b"set_duration_seconds,rpe,completed,set_notes\r\n"
        )

    def test_plain_line_has_no_quotes(self) -> None:
        assert csv_lines(example()) == f"{ID},2024-02-29,Run,45,".encode() + REST

    def test_quotes_special_characters(self) -> None:
        line = csv_lines(example(kind='5" plate, twice', notes="a\rb\nc\r\nd"))
        expected = f'{ID},2024-02-29,"5"" plate, twice",45,"a\rb\nc\r\nd"'
        assert line == expected.encode() + REST

    def test_quotes_lone_carriage_return(self) -> None:
        assert csv_lines(example(notes="a\rb")).endswith(b',"a\rb"' + REST)

    def test_years_have_four_digits(self) -> None:
        assert b",0001-01-01," in csv_lines(example(date=dt.date.min))
        assert b",9999-12-31," in csv_lines(example(date=dt.date.max))

    def test_is_utf_8(self) -> None:
        assert "ランニング,45,مشي 🏃".encode() in csv_lines(
            example(kind="ランニング", notes="مشي 🏃")
        )

    def test_has_a_line_for_each_set_and_long_notes_once(self) -> None:
        lines = csv_lines(example(notes="wet", exercises=TRAINING)).decode().splitlines()
        start = f"{ID},2024-02-29,Run,45,"
        middle = ",,,2024-03-01T07:00:00.250000Z,"
        assert lines == [
            f"{start}wet{middle}Bench Press,elbows in,0,1,1,warmup,10,40,kg,,,,,,",
            f"{start}{middle}Bench Press,,0,1,2,,0,-102.5,lb,,,,8.5,false,slow",
            f"{start}{middle}Run,,,2,1,,,,,10000000,m,0,,,",
            f"{start}{middle}Plank,,,3,,,,,,,,,,,",
        ]

    def test_guards_every_text_against_formulas(self) -> None:
        exercise = Exercise("=name", "+notes", sets=(Set(notes="@set"),))
        line = csv_lines(example(kind="-type", notes="=notes", exercises=(exercise,))).decode()
        for text in ("'-type", "'=notes", "'=name", "'+notes", "'@set"):
            assert f",{text}" in line


class TestJson:
    def test_is_compact_and_unescaped(self) -> None:
        assert (
            json_object(example(kind="ランニング 🏃", notes='"a"\n\u2028'))
            == (
                f'{{"id":"{ID}","date":"2024-02-29","type":"ランニング 🏃",'
                '"duration":45,"notes":"\\"a\\"\\n\u2028","exercises":[],"source":"",'
                '"createTime":"2024-03-01T07:00:00.250000Z"}'
            ).encode()
        )

    def test_is_one_line_that_parses(self) -> None:
        written = json_object(example(notes="a\r\nb\x01"))
        assert b"\n" not in written and b"\r" not in written
        assert json.loads(written)["notes"] == "a\r\nb\x01"

    def test_leaves_out_what_was_not_given(self) -> None:
        written = json_object(example(exercises=TRAINING)).decode()
        [bench, run, plank] = json.loads(written)["exercises"]
        assert bench == {
            "name": "Bench Press",
            "notes": "elbows in",
            "superset": 0,
            "sets": [
                {"kind": "warmup", "reps": 10, "weight": {"value": 40, "unit": "kg"}},
                {
                    "reps": 0,
                    "weight": {"value": -102.5, "unit": "lb"},
                    "rpe": 8.5,
                    "completed": False,
                    "notes": "slow",
                },
            ],
        }
        distance = {"value": 10_000_000, "unit": "m"}
        assert run == {"name": "Run", "sets": [{"distance": distance, "durationSeconds": 0}]}
        assert plank == {"name": "Plank", "sets": []}
        assert '"value":40,' in written and '"value":10000000,' in written
