"""Our own format: what is written reads back, and what is wrong is named."""

import datetime as dt
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.services.workout.formats.model import Format, Problem, ReadFile, ReadWorkout
from server.services.workout.formats.read import read_file
from server.services.workout.formats.write import csv_header, csv_line
from server.services.workout.model import Workout

ID = "0b5c3f0e-1111-4222-8333-944445555666"
OTHER = "1b5c3f0e-1111-4222-8333-944445555666"

TEXT = st.characters(codec="utf-8", exclude_characters="\0")
WORKOUTS = st.builds(
    Workout,
    id=st.uuids(),
    date=st.dates(),
    type=st.text(TEXT, min_size=1, max_size=100).map(str.strip).filter(bool),
    duration=st.integers(1, 10_080),
    notes=st.text(st.one_of(TEXT, st.sampled_from('\r\n",; ')), max_size=60),
)


def read(text: str) -> ReadFile:
    return read_file(text.encode(), format=None, default_duration=60)


def problem(row: str) -> str:
    """What is said about a row of date, type, duration, notes, id; a sound row stays."""
    file = read(f"date,type,duration,notes,id\n{row}\n2024-01-01,Run,30,,\n")
    assert [found.line for found in file.workouts] == [3]
    [found] = file.problems
    assert found.line == 2
    return found.message


@settings(max_examples=150, deadline=None)
@given(st.lists(WORKOUTS, max_size=5, unique_by=lambda workout: workout.id))
def test_what_is_written_reads_back_equal(workouts: list[Workout]) -> None:
    file = read_file(
        csv_header() + b"".join(map(csv_line, workouts)), format=None, default_duration=60
    )
    assert [found.workout for found in file.workouts] == workouts
    assert file.problems == [] and file.format is Format.GYMLOCKER


@pytest.mark.parametrize(
    "notes", ["a\rb", "\r", "\n", "\r\n", "a\r", " a ", '"', '""', ",", "\ufeff"]
)
def test_notes_that_are_hard_to_write_read_back(notes: str) -> None:
    workout = Workout(UUID(ID), dt.date(2024, 1, 1), "Run", 1, notes)
    file = read_file(csv_header() + csv_line(workout), format=None, default_duration=60)
    assert [found.workout for found in file.workouts] == [workout]


def test_all_columns() -> None:
    assert read(f'id,date,type,duration,notes\n{ID},2024-02-29,Run,45,"Slow, wet"\n') == ReadFile(
        Format.GYMLOCKER,
        [ReadWorkout(2, Workout(UUID(ID), dt.date(2024, 2, 29), "Run", 45, "Slow, wet"), False)],
    )


def test_only_the_required_columns_in_any_order_with_others_between() -> None:
    [found] = read("Duration;Mood; TYPE ;Date\n 45 ;good; ランニング 🏃 ; 2024-02-29 \n").workouts
    workout = found.workout
    assert (workout.date, workout.type) == (dt.date(2024, 2, 29), "ランニング 🏃")
    assert (workout.duration, workout.notes) == (45, "")


def test_an_empty_id_is_none() -> None:
    text = "date,type,duration,notes\n2024-01-01,Run,30,x\n"
    with_column = "id,date,type,duration,notes\n,2024-01-01,Run,30,x\n"
    assert read(text).workouts == read(with_column).workouts


@pytest.mark.parametrize("date", ["0001-01-01", "9999-12-31", "2024-02-29"])
def test_dates_that_exist(date: str) -> None:
    [found] = read(f"date,type,duration\n{date},Run,1\n").workouts
    assert found.workout.date.isoformat() == date


@pytest.mark.parametrize(
    "date",
    [
        *("", "2023-02-29", "0000-01-01", "10000-01-01", "2024-1-1", "20240101", "2024-W01-1"),
        *("01/02/2024", "2024-01-01T00:00", "٢٠٢٤-٠١-٠١", "2024-01-01 x"),
    ],
)
def test_dates_that_do_not(date: str) -> None:
    expected = f"date: {date!r} is not a date that exists, written as YYYY-MM-DD."
    assert problem(f'"{date}",Run,30,,') == expected


@pytest.mark.parametrize("duration", ["1", "10080", " 007 "])
def test_durations(duration: str) -> None:
    [found] = read(f"date,type,duration\n2024-01-01,Run,{duration}\n").workouts
    assert found.workout.duration == int(duration)
    assert not found.duration_assumed


@pytest.mark.parametrize("duration", ["", "0", "10081", "-5", "4.5", "1h", "٤٥", "9" * 39])
def test_durations_that_are_none(duration: str) -> None:
    expected = f"duration: {duration!r} is not a whole number of minutes from 1 to 10,080."
    assert problem(f"2024-01-01,Run,{duration},,") == expected


def test_a_message_repeats_no_more_than_forty_characters() -> None:
    assert problem(f"2024-01-01,Run,{'9' * 40},,").startswith(f"duration: '{'9' * 40}' is not")
    message = problem(f"2024-01-01,Run,{'9' * 41},,")
    assert message.startswith(f"duration: '{'9' * 39}…' is not a whole number")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("2024-01-01,,30,,", "type: it is empty; say what was done."),
        (
            f"2024-01-01,{'x' * 101},30,,",
            "type: it has 101 characters; at most 100 are possible.",
        ),
        (
            f"2024-01-01,Run,30,{'x' * 10_001},",
            "notes: it has 10,001 characters; at most 10,000 are possible.",
        ),
        ("2024-01-01,R\0un,30,,", "type: it has a NUL character; remove it."),
        ("2024-01-01,Run,30,\0,", "notes: it has a NUL character; remove it."),
        ("2024-01-01,Run,30,,7", "id: '7' is not a UUID with hyphens."),
        (
            f"2024-01-01,Run,30,,{{{ID}}}",
            f"id: '{{{ID}}}' is not a UUID with hyphens.",
        ),
        (
            f"2024-01-01,Run,30,,{ID.replace('-', '')}",
            f"id: '{ID.replace('-', '')}' is not a UUID with hyphens.",
        ),
        ("2024-01-01,Run", "The number of fields is 2, but the header has 5."),
    ],
)
def test_what_is_wrong_is_named(row: str, message: str) -> None:
    assert problem(row) == message


def test_a_problem_names_the_column_as_the_file_does() -> None:
    [found] = read("Date,Type,DURATION (x),duration\n2024-01-01,Run,1,x\n").problems
    assert found.message.startswith("duration: 'x'")
    [found] = read("Date,Type,DURATION\n2024-01-01,Run,x\n").problems
    assert found.message.startswith("DURATION: 'x'")


def test_limits_are_counted_in_characters() -> None:
    [found] = read(
        f"date,type,duration,notes\n2024-01-01,{'🏃' * 100},1,{'語' * 10_000}\n"
    ).workouts
    assert found.workout.type == "🏃" * 100
    assert found.workout.notes == "語" * 10_000


def test_lines_after_notes_of_many_lines() -> None:
    text = 'date,type,duration,notes\r\n2024-01-01,Run,30,"a\r\nb\r\nc"\r\n2023-02-29,Run,30,\r\n'
    file = read(text + "2024-01-03,Run,30,\r\n")
    assert [found.line for found in file.workouts] == [2, 6]
    assert [found.line for found in file.problems] == [5]


def test_ids_are_the_same_each_time() -> None:
    text = "date,type,duration,notes\n2024-01-01,Run,30,x\n2024-01-02,Run,30,x\n"
    [first, second] = read(text).workouts
    assert read(text).workouts == [first, second]
    assert first.workout.id != second.workout.id


def test_ids_of_workouts_without_one_never_change() -> None:
    file = read("date,type,duration,notes\n" + "2024-01-01,Run,30,x\n" * 3)
    assert [str(found.workout.id) for found in file.workouts] == [
        "5c966941-502e-52b8-921c-56d0c9faf7c3",
        "a83ad38d-ea0f-51b4-8138-e61628c75dae",
        "c7b2e237-e06f-5167-a76a-68c36ae5f88c",
    ]


def test_two_equal_rows_are_two_workouts_wherever_they_stand() -> None:
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
def test_each_part_counts_for_the_id(row: str) -> None:
    [one, other] = read(f"date,type,duration,notes\n2024-01-01,Run,30,x\n{row}\n").workouts
    assert one.workout.id != other.workout.id


def test_the_second_workout_with_an_id_is_a_problem() -> None:
    text = f"id,date,type,duration\n{ID},2024-01-01,Run,1\n{OTHER},2024-01-01,Run,1\n"
    file = read(text + f"{ID.upper()},2024-01-02,Row,1\n")
    assert [str(found.workout.id) for found in file.workouts] == [ID, OTHER]
    assert file.problems == [Problem(4, "id: line 2 has the same one.")]
