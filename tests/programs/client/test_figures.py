"""Exercises, records and progress."""

import pytest

from server.programs.client import figures
from server.programs.client.figures import nearest
from tests.programs.client.conftest import Gymlocker
from tests.programs.client.terminal import in_terminal
from tests.programs.client.test_diary import added


def rows(output: str) -> list[str]:
    """Return the lines of a table without its heading, with single spaces."""
    return [" ".join(line.split()) for line in output.splitlines()[1:]]


@pytest.fixture
def log(gymlocker: Gymlocker, logged_in: object) -> None:
    """Add two workouts."""
    added(gymlocker, "Bench Press: 100kg x5 x4", "Plank: 60s")
    gymlocker("workouts", "add", "2026-02-14", "Push", "60", "bench press: 105kg x5", "Run: 5km")


@pytest.mark.extended
@pytest.mark.usefixtures("log")
class TestExercises:
    def test_lists_all_or_those_that_contain_query(self, gymlocker: Gymlocker) -> None:
        assert rows(gymlocker("exercises").output) == [
            "bench press 2 3 2026-02-14 105kg x5 122.5 kg",
            "Plank 1 1 2026-02-07",
            "Run 1 1 2026-02-14",
        ]
        assert rows(gymlocker("exercises", "BENCH", "--unit=lb").output) == [
            "bench press 2 3 2026-02-14 105kg x5 270.07 lb"
        ]
        assert gymlocker("exercises", "squat").output == "No exercises found.\n"

    def test_reads_several_pages(
        self, gymlocker: Gymlocker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(figures, "MAX_PAGE_SIZE", 1)
        assert len(rows(gymlocker("exercises").output)) == 3


@pytest.mark.extended
@pytest.mark.usefixtures("log")
class TestRecords:
    def test_lists_records_of_all_or_one(self, gymlocker: Gymlocker) -> None:
        shown = rows(gymlocker("records").output)
        assert any(row.startswith("Plank Longest duration 1:00 2026-02-07") for row in shown)
        shown = rows(gymlocker("records", "BENCH PRESS", "--unit=lb").output)
        assert shown[0].startswith("bench press Heaviest weight 231.49 lb x5 2026-02-14 ")

    def test_suggests_names(self, gymlocker: Gymlocker) -> None:
        for command in ("records", "progress"):
            ended = gymlocker(command, "bench pres")
            assert (ended.code, ended.output) == (1, "")
            assert ended.errors == (
                "You have no exercise 'bench pres': did you mean bench press?\n"
            )
            ended = gymlocker(command, "zzz")
            assert ended.errors.endswith("'zzz': `gymlocker exercises` lists yours.\n")


@pytest.mark.extended
@pytest.mark.usefixtures("log")
class TestProgress:
    def test_writes_table_in_pipe(self, gymlocker: Gymlocker) -> None:
        shown = rows(gymlocker("progress", "bench press", "--from=2026-02-10").output)
        [row] = shown
        assert row.startswith("2026-02-14 105kg x5 122.5 kg 525 kg 1 5 ")

    def test_plots_in_terminal(self) -> None:
        shown = in_terminal("progress", "bench press", "--metric=weight")
        assert shown.startswith("bench press: heaviest set (kg)\n")
        assert "┤" in shown and "2026-02-07" in shown
        assert max(len(line) for line in shown.splitlines()) <= 80
        assert shown.endswith("Last   2026-02-14  105 kg\n")

    def test_reports_range_without_workouts(self, gymlocker: Gymlocker) -> None:
        ended = gymlocker("progress", "bench press", "--to=2026-01-01")
        assert (ended.code, ended.output) == (0, "No workouts found.\n")


class TestNearest:
    @pytest.mark.parametrize(
        ("typed", "names"),
        [
            ("bench", ["Bench Press", "Incline Bench"]),
            ("press bench", ["Bench Press"]),
            ("Sqat", ["Squat"]),
            ("zzz", []),
        ],
    )
    def test_finds_words_and_typing_errors(self, typed: str, names: list[str]) -> None:
        assert nearest(typed, ["Bench Press", "Incline Bench", "Squat"]) == names
