"""What Strong, Hevy and FitNotes have in common: names, notes, and what one bad row leaves out."""

import pytest

from server.services.workout.formats.model import ReadFile
from server.services.workout.formats.read import read_file

HEADER = "Date,Workout Name,Exercise Name,Set Order,Reps,Notes,Workout Notes\n"


def read(*rows: str) -> ReadFile:
    return read_file((HEADER + "\n".join(rows)).encode(), format=None, default_duration=60)


def row(day: int, name: str, reps: str = "5") -> str:
    return f"2021-03-{day:02} 18:00:00,{name},Squat,1,{reps},,"


def left(file: ReadFile) -> list[str]:
    return [f"{found.workout.date.day}{found.workout.type}" for found in file.workouts]


@pytest.mark.parametrize("name", ["", "  "])
def test_a_workout_without_a_name(name: str) -> None:
    [found] = read(row(1, name)).workouts
    assert found.workout.type == "Workout"
    assert found.workout.notes == "Squat: 5 reps"


def test_a_name_of_a_hundred_characters_stays() -> None:
    [found] = read(row(1, "語" * 100)).workouts
    assert found.workout.type == "語" * 100
    assert found.workout.notes == "Squat: 5 reps"


def test_a_longer_name_is_cut_and_begins_the_notes() -> None:
    name = "a, " * 33 + "bc"
    [found] = read(row(1, f'"{name}"')).workouts
    assert found.workout.type == name[:100]
    assert found.workout.notes == f"{name}\nSquat: 5 reps"


def test_notes_that_are_too_long_are_a_problem() -> None:
    room = 10_000 - len("\nSquat: 5 reps")
    assert len(read(row(1, "A") + "x" * room).workouts[0].workout.notes) == 10_000
    file = read(row(1, "A") + "x" * (room + 1), row(2, "A"))
    assert left(file) == ["2A"]
    [found] = file.problems
    assert found.line == 2
    assert found.message == "notes: with all sets they have 10,001 characters, over 10,000."


def test_a_row_that_may_belong_to_its_neighbours_leaves_them_out() -> None:
    file = read(row(1, "A"), row(2, "A"), "2021,A,Squat,1,5,,", row(3, "A"), row(4, "A"))
    assert left(file) == ["1A", "4A"]
    assert [found.line for found in file.problems] == [4]


def test_a_row_that_names_another_workout_does_not() -> None:
    file = read(row(1, "A"), "2021,B,Squat,1,5,,", row(2, "A"))
    assert left(file) == ["1A", "2A"]


def test_of_a_row_that_has_too_few_fields_not_even_the_name_is_sure() -> None:
    file = read(row(1, "A"), row(2, "A"), "2021-03-05,B", row(3, "C"), row(4, "C"))
    assert left(file) == ["1A", "4C"]
    [found] = file.problems
    assert found.line == 4
    assert found.message == (
        "The number of fields is 2, but the header has 7, so a workout next to it, which it may "
        "belong to, is left out too."
    )


def test_a_quote_that_is_never_closed_leaves_out_the_workout_before_it() -> None:
    file = read(row(1, "A"), row(2, "A"), '2021-03-02 18:00:00,A,"Squat,2,5,,', row(3, "A"))
    assert left(file) == ["1A"]


def test_a_nul_in_a_column_that_is_not_known() -> None:
    text = HEADER.replace("Notes", "N" * 50, 1) + row(1, "A").replace(",,", ",\0,")
    [found] = read_file(text.encode(), format=None, default_duration=60).problems
    wrong = "it has a NUL character; remove it, so its workout is left out."
    assert found.message == f"{'N' * 40}: {wrong}"


def test_problems_are_ordered_by_line() -> None:
    long = row(1, "A") + "x" * 10_001
    file = read(long, row(2, "B", reps="x"), long.replace("-01 ", "-03 "), row(4, "B", reps="y"))
    assert [found.line for found in file.problems] == [2, 3, 4, 5]
    assert file.workouts == []
