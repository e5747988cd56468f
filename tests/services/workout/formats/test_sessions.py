"""Grouping of rows into workouts: names, notes, and the effects of an invalid row."""

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


class TestNames:
    @pytest.mark.parametrize("name", ["", "  "])
    def test_missing_name_becomes_default_type(self, name: str) -> None:
        [found] = read(row(1, name)).workouts
        assert found.workout.type == "Workout"
        assert found.workout.notes == "Squat: 5 reps"

    def test_name_of_100_characters_is_kept(self) -> None:
        [found] = read(row(1, "語" * 100)).workouts
        assert found.workout.type == "語" * 100
        assert found.workout.notes == "Squat: 5 reps"

    def test_longer_name_is_cut_and_starts_notes(self) -> None:
        name = "a, " * 33 + "bc"
        [found] = read(row(1, f'"{name}"')).workouts
        assert found.workout.type == name[:100]
        assert found.workout.notes == f"{name}\nSquat: 5 reps"


class TestSkippedWorkouts:
    def test_reports_notes_that_are_too_long(self) -> None:
        room = 10_000 - len("\nSquat: 5 reps")
        assert len(read(row(1, "A") + "x" * room).workouts[0].workout.notes) == 10_000
        file = read(row(1, "A") + "x" * (room + 1), row(2, "A"))
        assert left(file) == ["2A"]
        [found] = file.problems
        assert found.line == 2
        assert (
            found.message == "notes: must have at most 10,000 characters with all sets, not 10,001."
        )

    def test_skips_neighbours_of_row_without_date(self) -> None:
        file = read(row(1, "A"), row(2, "A"), "2021,A,Squat,1,5,,", row(3, "A"), row(4, "A"))
        assert left(file) == ["1A", "4A"]
        assert [found.line for found in file.problems] == [4]

    def test_keeps_neighbours_with_another_name(self) -> None:
        file = read(row(1, "A"), "2021,B,Squat,1,5,,", row(2, "A"))
        assert left(file) == ["1A", "2A"]

    def test_skips_all_neighbours_of_row_with_missing_fields(self) -> None:
        file = read(row(1, "A"), row(2, "A"), "2021-03-05,B", row(3, "C"), row(4, "C"))
        assert left(file) == ["1A", "4C"]
        [found] = file.problems
        assert found.line == 4
        assert found.message == (
            "The row must have as many fields as the header (7), not 2; the workouts next to "
            "this row were skipped, since it may be part of them."
        )

    def test_skips_workout_before_unclosed_quote(self) -> None:
        file = read(row(1, "A"), row(2, "A"), '2021-03-02 18:00:00,A,"Squat,2,5,,', row(3, "A"))
        assert left(file) == ["1A"]

    def test_reports_nul_in_unknown_column(self) -> None:
        text = HEADER.replace("Notes", "N" * 50, 1) + row(1, "A").replace(",,", ",\0,")
        [found] = read_file(text.encode(), format=None, default_duration=60).problems
        wrong = "must not contain a NUL character; its workout was skipped."
        assert found.message == f"{'N' * 40}: {wrong}"

    def test_orders_problems_by_line(self) -> None:
        long = row(1, "A") + "x" * 10_001
        file = read(
            long, row(2, "B", reps="x"), long.replace("-01 ", "-03 "), row(4, "B", reps="y")
        )
        assert [found.line for found in file.problems] == [2, 3, 4, 5]
        assert file.workouts == []
