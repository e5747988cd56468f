"""Files that earlier releases read wrongly, or not at all."""

import datetime as dt

import pytest

from server.services.workout.formats.model import Format, Problem
from server.services.workout.model import Exercise, Set
from tests.services.workout.formats.reading import case, kg, lb


def test_title_of_column_is_unit() -> None:
    file = case("01-")
    assert (file.problems, file.columns_not_read, file.warnings) == ([], [], [])
    [found] = file.workouts
    assert found.workout.exercises == (
        Exercise("Bench Press (Barbell)", sets=(lb(135, 5),)),
        Exercise("Running", sets=(Set(distance=2.4, distance_unit="mi", duration=1200),)),
    )


def test_duration_is_that_of_a_set() -> None:
    file = case("02-")
    assert file.problems == []
    [found] = file.workouts
    assert (found.workout.duration, found.duration_assumed) == (60, True)
    assert found.workout.exercises == (
        Exercise("Plank", sets=(Set(duration=60),)),
        Exercise("Bench Press (Barbell)", sets=(lb(185, 8),)),
    )
    assert file.warnings == [
        "The file has durations of sets alone, so the length of each workout was assumed."
    ]


def test_forgotten_timer_is_replaced() -> None:
    file = case("05-")
    assert file.problems == []
    assert [(found.line, found.workout.type) for found in file.workouts] == [(3, "D"), (2, "C")]
    assert all(found.duration_assumed and found.workout.duration == 60 for found in file.workouts)
    [warning] = file.warnings
    assert warning.startswith("Lengths that are not from 1 to 10,080 minutes were replaced")


def test_french_months_are_read() -> None:
    file = case("06-")
    assert file.problems == []
    dates = [found.workout.date for found in file.workouts]
    assert dates == [dt.date(2025, month, 3) for month in range(1, 13)]
    assert {found.workout.duration for found in file.workouts} == {70}


def test_german_date_of_numbers_is_read() -> None:
    [found] = case("08-", time_zone="Europe/Berlin").workouts
    assert (found.workout.date, found.workout.duration) == (dt.date(2026, 6, 5), 60)
    assert found.workout.start_time == "2026-06-05T07:30:00+02:00"


def test_workouts_of_equal_title_and_start_stay_two() -> None:
    first, second = (found.workout for found in case("09-").workouts)
    assert (first.duration, first.notes, first.exercises[0].sets) == (50, "first", (kg(37.5, 8),))
    assert (second.duration, second.notes, second.exercises[0].sets) == (45, "second", (kg(40, 8),))
    assert first.id != second.id


def test_grown_file_has_the_same_workout() -> None:
    [noon], [evening] = case("11a-").workouts, case("11b-").workouts
    assert noon.workout.id == evening.workout.id
    assert noon.workout.exercises == (Exercise("Bench Press", sets=(kg(60, 8),)),)
    assert evening.workout.exercises == (
        *noon.workout.exercises,
        Exercise("Squat", sets=(kg(100, 5),)),
    )


def test_corrected_file_has_the_same_workout() -> None:
    [before], [after] = case("12a-", unit="kg").workouts, case("12b-", unit="kg").workouts
    assert before.workout.id == after.workout.id
    assert before.workout.exercises == (Exercise("Bench", sets=(kg(80, 5),)),)
    assert after.workout.exercises == (Exercise("Bench", sets=(kg(85, 5),)),)


def test_bad_row_costs_itself() -> None:
    file = case("13-")
    assert file.problems == [
        Problem(3, "The row must have as many fields as the header (12), not 9.")
    ]
    assert [found.workout.date.day for found in file.workouts] == [3, 7, 9]


def test_iso_date_with_slashes_is_read() -> None:
    [found] = case("17-").workouts
    assert (found.workout.date, found.workout.start_time) == (dt.date(2026, 4, 29), "")


def test_german_header_is_read() -> None:
    file = case("19-", unit="kg")
    assert (file.format, file.problems, file.warnings) == (Format.STRONG, [], [])
    [found] = file.workouts
    assert (found.workout.type, found.workout.duration) == ("Brust", 65)
    assert found.workout.exercises == (Exercise("Bankdrücken (Langhantel)", sets=(kg(82.5, 5),)),)


def test_float_dust_is_removed_and_placeholder_is_no_set() -> None:
    [found] = case("21-", unit="kg").workouts
    bench = Set(None, 5, 45.359, "kg", 0.46, "km", 300)
    assert found.workout.exercises == (Exercise("Bench", sets=(bench,)), Exercise("Row"))


def test_exercise_twice_is_two_exercises() -> None:
    [found] = case("22-").workouts
    assert found.workout.exercises == (
        Exercise("Squat", "first block", sets=(kg(100, 5),)),
        Exercise("Leg Press", sets=(kg(180, 10),)),
        Exercise("Squat", "back-off", sets=(kg(80, 10),)),
    )


def test_long_notes_have_places_of_their_own() -> None:
    file = case("24-", unit="kg")
    assert (file.problems, file.warnings) == ([], [])
    [found] = file.workouts
    assert found.workout.notes == ""
    assert len(found.workout.exercises) == 90
    assert all(one.notes.startswith("note note") for one in found.workout.exercises)


def test_stronglifts_is_read() -> None:
    file = case("30-", time_zone="Europe/Berlin")
    assert (file.format, file.problems, file.warnings) == (Format.STRONGLIFTS, [], [])
    first, second = (found.workout for found in file.workouts)
    assert (first.type, first.duration) == ("Workout A", 45)
    assert first.start_time == "2026-05-04T18:05:00+02:00"
    missed = kg(60, 0)._replace(completed=False)
    assert first.exercises == (
        Exercise("Squat", "slow, deep", sets=(kg(60, 5), kg(60, 5), missed)),
        Exercise("Bench Press", sets=(kg(50, 8), kg(50, 8))),
    )
    assert (second.type, second.duration) == ("Workout B", 15)
    assert second.exercises == (Exercise("Plank", sets=(Set(duration=60), Set(duration=60))),)
    assert file.columns_not_read[:2] == ["Program Name", "Body Weight (KG)"]


@pytest.mark.parametrize("name", ["01-", "05-", "09-", "13-", "22-", "30-"])
def test_reading_twice_gives_the_same(name: str) -> None:
    assert case(name) == case(name)
