"""Listing workouts, statistics and adding."""

import datetime as dt

import pytest

from server.errors import StartError
from server.programs.client import diary
from server.programs.client.text import day
from tests.programs.client.conftest import Gymlocker

pytestmark = pytest.mark.extended

TODAY = dt.date(2026, 3, 1)


def table(output: str) -> list[list[str]]:
    return [line.split() for line in output.splitlines()]


class TestList:
    @pytest.mark.usefixtures("logged_in")
    def test_lists_newest_first(self, gymlocker: Gymlocker) -> None:
        for date, kind in (("2026-02-05", "Yoga"), ("2026-02-07", "Run"), ("2026-02-06", "run")):
            assert gymlocker("workouts", "add", date, kind, "30").code == 0
        listed = gymlocker("workouts", "list")
        assert [row[0] for row in table(listed.output)[1:]] == [
            "2026-02-07",
            "2026-02-06",
            "2026-02-05",
        ]
        chosen = gymlocker("workouts", "list", "--type=RUN", "--from=2026-02-06", "--to=2026-02-06")
        assert table(chosen.output)[1:] == [["2026-02-06", "run", "30"]]
        first = gymlocker("workouts", "list", "--limit=2")
        assert [row[0] for row in table(first.output)[1:3]] == ["2026-02-07", "2026-02-06"]
        assert first.output.splitlines()[3:] == ["Showing the newest 2; for more, use --limit."]

    @pytest.mark.usefixtures("logged_in")
    def test_reads_several_pages(
        self, gymlocker: Gymlocker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(diary, "MAX_PAGE_SIZE", 2)
        for number in range(1, 6):
            gymlocker("workouts", "add", f"2026-02-0{number}", "Run", "30")
        for limit, expected in ((3, [5, 4, 3]), (4, [5, 4, 3, 2]), (9, [5, 4, 3, 2, 1])):
            listed = gymlocker("workouts", "list", f"--limit={limit}")
            days = [int(row[0][-1]) for row in table(listed.output)[1:] if row[0] != "Showing"]
            assert days == expected


class TestStats:
    @pytest.mark.usefixtures("logged_in")
    def test_streak_follows_local_date(
        self, gymlocker: Gymlocker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(diary, "local_today", lambda: TODAY)
        added = gymlocker("workouts", "add", "yesterday", "Bench Press", "40")
        assert added.output == "Added: 2026-02-28, Bench Press, 40 minutes.\n"
        gymlocker("workouts", "add", "today", "Run", "1200")
        stats = gymlocker("workouts", "stats")
        assert stats.output.splitlines()[:2] == [
            "2 workouts, 1,240 minutes",
            "Current streak: 2 days; longest: 2 days",
        ]
        assert ["Bench", "Press", "1", "40"] in table(stats.output)
        assert ["2026-02", "1", "40"] in table(stats.output)
        assert ["2026-02-23", "2", "1,240"] in table(stats.output)
        monkeypatch.setattr(diary, "local_today", lambda: TODAY + dt.timedelta(days=2))
        assert "Current streak: 0 days" in gymlocker("workouts", "stats").output
        assert gymlocker("workouts", "stats", "--type=Run").output.startswith("1 workout, ")

    @pytest.mark.usefixtures("logged_in")
    def test_reports_empty_diary(self, gymlocker: Gymlocker) -> None:
        for command in ("list", "stats"):
            ended = gymlocker("workouts", command)
            assert (ended.code, ended.output) == (0, "No workouts found.\n")


class TestDates:
    @pytest.mark.parametrize("text", ["2026-02-30", "yesteryear", "07.02.2026", "\x1b[31m"])
    @pytest.mark.usefixtures("logged_in")
    def test_rejects_invalid_date(self, gymlocker: Gymlocker, text: str) -> None:
        for arguments in (
            ("list", "--from", text),
            ("stats", "--to", text),
            ("add", text, "Run", "9"),
        ):
            ended = gymlocker("workouts", *arguments)
            assert (ended.code, ended.output) == (1, "")
            assert "is not a date: write it as" in ended.errors
            assert "\x1b" not in ended.errors

    def test_accepts_iso_dates_and_words(self) -> None:
        assert [day(text, TODAY) for text in ("Today", "yesterday", "2024-02-29", None)] == [
            "2026-03-01",
            "2026-02-28",
            "2024-02-29",
            "",
        ]
        with pytest.raises(StartError, match="is later than"):
            diary.select("2026-02-02", "2026-02-01", None)
