"""The calendar of a year."""

import datetime as dt

import pytest

from server.programs.client.screen.calendar import show_calendar
from tests.programs.client.screen.screens import Recorder

FIRST, LAST = dt.date(2026, 1, 1), dt.date(2026, 12, 31)
DAYS = {dt.date(2026, 1, 1): 10, dt.date(2026, 1, 8): 20, dt.date(2026, 6, 3): 30, LAST: 40}


class TestShowCalendar:
    def test_has_a_column_a_week_and_a_row_a_day(self) -> None:
        recorder = Recorder()
        show_calendar(recorder.screen, DAYS, FIRST, LAST, from_sunday=False)
        months, *rows, legend = recorder.lines
        assert months.split() == [f"{dt.date(2026, n, 1):%b}" for n in range(1, 13)]
        assert [row[:4] for row in rows] == ["Mon ", "    ", "Wed ", "    ", "Fri ", "    ", "Sun "]
        # 2026 begins and ends on a Thursday.
        assert rows[3][4:] == "░▒" + "·" * 50 + "█"
        assert rows[2][4:] == " " + "·" * 21 + "▓" + "·" * 30
        assert legend == "    minutes a day: · 0  ░ 10+  ▒ 20+  ▓ 30+  █ 40+"

    def test_begins_weeks_on_sunday(self) -> None:
        recorder = Recorder()
        show_calendar(recorder.screen, DAYS, FIRST, LAST, from_sunday=True)
        rows = recorder.lines[1:-1]
        assert [row[:3] for row in rows[::2]] == ["Sun", "Tue", "Thu", "Sat"]
        assert rows[4][4:].startswith("░▒·")

    @pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
    def test_is_ascii_where_blocks_are_missing(self, encoding: str) -> None:
        recorder = Recorder(80, encoding=encoding)
        show_calendar(recorder.screen, DAYS, FIRST, LAST, from_sunday=False)
        assert recorder.lines[4][4:] == "-+" + "." * 50 + "#"
        assert "?" not in recorder.text

    @pytest.mark.parametrize("year", range(2020, 2031))
    @pytest.mark.parametrize("from_sunday", [True, False])
    def test_holds_every_day_of_any_year(self, year: int, *, from_sunday: bool) -> None:
        recorder = Recorder(80)
        first, last = dt.date(year, 1, 1), dt.date(year, 12, 31)
        show_calendar(recorder.screen, {first: 1}, first, last, from_sunday=from_sunday)
        shades = "".join(line[4:] for line in recorder.lines[1:-1])
        assert shades.count("·") + shades.count("░") == (last - first).days + 1
        assert max(map(len, recorder.lines)) <= 80

    def test_shades_nothing_without_workouts(self) -> None:
        recorder = Recorder()
        show_calendar(recorder.screen, {}, FIRST, LAST, from_sunday=False)
        assert recorder.lines[-1] == "    minutes a day: · 0"
