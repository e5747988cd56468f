"""Our own format: exports are read back, and problems are named."""

import datetime as dt
from io import BytesIO
from uuid import UUID

import pytest

from server.services.workout.formats.model import (
    Format,
    Problem,
    ReadFile,
    ReadOptions,
    ReadWorkout,
)
from server.services.workout.formats.own import csv_reader
from server.services.workout.formats.table import read_table
from server.services.workout.model import Workout

ID = "0b5c3f0e-1111-4222-8333-944445555666"


OTHER = "1b5c3f0e-1111-4222-8333-944445555666"


def read(text: str, unit: str = "") -> ReadFile:
    return csv_reader.read(read_table(BytesIO(text.encode())), ReadOptions(unit=unit))


def problem(row: str) -> str:
    """Return the problem of a row of date, type, duration, notes, id; a valid row is kept."""
    file = read(f"date,type,duration,notes,id\n{row}\n2024-01-01,Run,30,,\n")
    assert [found.line for found in file.workouts] == [3]
    [found] = file.problems
    assert found.line == 2
    return found.message


class TestColumns:
    def test_reads_all_columns(self) -> None:
        assert read(
            f'id,date,type,duration,notes\n{ID},2024-02-29,Run,45,"Slow, wet"\n'
        ) == ReadFile(
            Format.GYMLOCKER,
            [
                ReadWorkout(
                    2,
                    Workout(UUID(ID), dt.date(2024, 2, 29), "Run", 45, "Slow, wet"),
                    False,
                    "gymlocker",
                )
            ],
        )

    def test_reads_required_columns_in_any_order(self) -> None:
        [found] = read(
            "Duration;Mood; TYPE ;Date\n 45 ;good; ランニング 🏃 ; 2024-02-29 \n"
        ).workouts
        workout = found.workout
        assert (workout.date, workout.type) == (dt.date(2024, 2, 29), "ランニング 🏃")
        assert (workout.duration, workout.notes) == (45, "")

    @pytest.mark.parametrize("date", ["0001-01-01", "9999-12-31", "2024-02-29"])
    def test_reads_valid_date(self, date: str) -> None:
        [found] = read(f"date,type,duration\n{date},Run,1\n").workouts
        assert found.workout.date.isoformat() == date

    @pytest.mark.parametrize("duration", ["1", "10080", " 007 ", "45.0"])
    def test_reads_valid_duration(self, duration: str) -> None:
        [found] = read(f"id,date,type,duration\n{ID},2024-01-01,Run,{duration}\n").workouts
        assert found.workout.duration == int(float(duration))
        assert not found.duration_assumed

    def test_limits_count_characters(self) -> None:
        [found] = read(
            f"date,type,duration,notes\n2024-01-01,{'🏃' * 100},1,{'語' * 10_000}\n"
        ).workouts
        assert found.workout.type == "🏃" * 100
        assert found.workout.notes == "語" * 10_000

    def test_counts_lines_within_notes(self) -> None:
        text = (
            'date,type,duration,notes\r\n2024-01-01,Run,30,"a\r\nb\r\nc"\r\n2023-02-29,Run,30,\r\n'
        )
        file = read(text + "2024-01-03,Run,30,\r\n")
        assert [found.line for found in file.workouts] == [2, 6]
        assert [found.line for found in file.problems] == [5]


class TestProblems:
    @pytest.mark.parametrize(
        "date",
        [
            *("", "2023-02-29", "0000-01-01", "10000-01-01", "2024-1-1", "20240101", "2024-W01-1"),
            *("01/02/2024", "2024-01-01T00:00", "٢٠٢٤-٠١-٠١", "2024-01-01 x"),
        ],
    )
    def test_reports_invalid_date(self, date: str) -> None:
        expected = f"date: {date!r} is not an existing date in the form YYYY-MM-DD."
        assert problem(f'"{date}",Run,30,,') == expected

    @pytest.mark.parametrize("duration", ["0", "-5", "4.5", "1h", "٤٥", "9" * 39])
    def test_reports_invalid_duration(self, duration: str) -> None:
        expected = f"duration: {duration!r} is not a whole number of minutes from 1 to 10,080."
        assert problem(f"2024-01-01,Run,{duration},,") == expected

    def test_quotes_at_most_40_characters(self) -> None:
        assert problem(f"2024-01-01,Run,{'9' * 40},,").startswith(f"duration: '{'9' * 40}' is not")
        message = problem(f"2024-01-01,Run,{'9' * 41},,")
        assert message.startswith(f"duration: '{'9' * 39}…' is not a whole number")

    @pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-00:01"])
    def test_reports_time_beyond_the_calendar_in_utc(self, time: str) -> None:
        file = read(f"date,type,duration,create_time\n2024-01-01,Run,30,{time}\n")
        [found] = file.problems
        assert found.message == f"create_time: {time!r} is before the year 1 or after 9999 in UTC."

    @pytest.mark.parametrize(
        ("row", "message"),
        [
            ("2024-01-01,,30,,", "type: must not be empty."),
            (
                f"2024-01-01,{'x' * 101},30,,",
                "type: must have at most 100 characters, not 101.",
            ),
            (
                f"2024-01-01,Run,30,{'x' * 10_001},",
                "notes: must have at most 10,000 characters, not 10,001.",
            ),
            ("2024-01-01,R\0un,30,,", "type: must not contain a NUL character."),
            ("2024-01-01,Run,30,\0,", "notes: must not contain a NUL character."),
            ("2024-01-01,Run,30,,7", "id: '7' is not a UUID with hyphens."),
            (
                f"2024-01-01,Run,30,,{{{ID}}}",
                f"id: '{{{ID}}}' is not a UUID with hyphens.",
            ),
            (
                f"2024-01-01,Run,30,,{ID.replace('-', '')}",
                f"id: '{ID.replace('-', '')}' is not a UUID with hyphens.",
            ),
            ("2024-01-01,Run", "The row must have as many fields as the header (5), not 2."),
        ],
    )
    def test_reports_invalid_cell(self, row: str, message: str) -> None:
        assert problem(row) == message

    def test_names_column_as_in_file(self) -> None:
        [found] = read("Date,Type,DURATION (x),duration\n2024-01-01,Run,1,x\n").problems
        assert found.message.startswith("duration: 'x'")
        [found] = read("Date,Type,DURATION\n2024-01-01,Run,x\n").problems
        assert found.message.startswith("DURATION: 'x'")

    def test_reports_duplicate_id(self) -> None:
        text = f"id,date,type,duration\n{ID},2024-01-01,Run,1\n{OTHER},2024-01-01,Run,1\n"
        file = read(text + f"{ID.upper()},2024-01-02,Row,1\n")
        assert [str(found.workout.id) for found in file.workouts] == [ID, OTHER]
        assert file.problems == [Problem(4, "id: must be unique; line 2 has it, too.")]


class TestIds:
    def test_empty_id_equals_missing_column(self) -> None:
        text = "date,type,duration,notes\n2024-01-01,Run,30,x\n"
        with_column = "id,date,type,duration,notes\n,2024-01-01,Run,30,x\n"
        assert read(text).workouts == read(with_column).workouts

    def test_are_stable(self) -> None:
        text = "date,type,duration,notes\n2024-01-01,Run,30,x\n2024-01-02,Run,30,x\n"
        [first, second] = read(text).workouts
        assert read(text).workouts == [first, second]
        assert first.workout.id != second.workout.id

    def test_never_change(self) -> None:
        file = read("date,type,duration,notes\n" + "2024-01-01,Run,30,x\n" * 3)
        assert [str(found.workout.id) for found in file.workouts] == [
            "5c966941-502e-52b8-921c-56d0c9faf7c3",
            "a83ad38d-ea0f-51b4-8138-e61628c75dae",
            "c7b2e237-e06f-5167-a76a-68c36ae5f88c",
        ]

    def test_equal_rows_get_different_ids(self) -> None:
        row = "2024-01-01,Run,30\n"
        [one] = read("date,type,duration\n" + row).workouts
        file = read("date,type,duration\n" + row + "2024-01-02,Row,5\n" + row)
        assert file.problems == []
        assert file.workouts[0].workout == one.workout
        assert len({found.workout.id for found in file.workouts}) == 3

    @pytest.mark.parametrize(
        "row",
        ["2024-01-02,Run,30,x", "2024-01-01,Ran,30,x", "2024-01-01,Run,31,x", "2024-01-01,Run,30,"],
    )
    def test_depend_on_each_field(self, row: str) -> None:
        [one, other] = read(f"date,type,duration,notes\n2024-01-01,Run,30,x\n{row}\n").workouts
        assert one.workout.id != other.workout.id
