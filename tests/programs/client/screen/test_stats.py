"""Totals and sums."""

import pytest
from gymlocker.v2 import workout_pb2

from server.programs.client.screen.stats import bar, show_stats
from tests.programs.client.screen.screens import Recorder

Period = workout_pb2.PeriodStats
STATS = workout_pb2.GetWorkoutStatsResponse(
    count=240,
    minutes=18_760,
    current_streak=1,
    longest_streak=9,
    volume=123_456.5,
    sets=2_000,
    types=[workout_pb2.TypeStats(type="Push", count=240, minutes=18_760, volume=123_456.5, sets=2)],
    months=[
        Period(start="2026-01-01", count=1, minutes=45, volume=50_000, sets=1_500),
        Period(start="2026-02-01", count=239, minutes=18_715, volume=100_000, sets=500),
    ],
    weeks=[
        Period(start="2026-01-05", count=1, minutes=60),
        Period(start="2026-01-12", count=1, minutes=30),
    ],
)


class TestShowStats:
    def test_writes_hours_volume_and_sets(self) -> None:
        recorder = Recorder()
        show_stats(recorder.screen, STATS, "kg")
        assert recorder.lines[:3] == [
            "240 workouts, 312 h 40 min",
            "2,000 sets, 123,456 kg",
            "Current streak: 1 day; longest: 9 days",
        ]
        rows = [line.split() for line in recorder.lines]
        assert ["Push", "240", "312", "h", "40", "min", "123,456", "kg", "2"] in rows
        assert ["2026-01", "1", "45", "min", "50,000", "kg", "1,500", "█" * 10] in rows
        # Weeks without a volume have bars of their minutes.
        assert ["2026-01-05", "1", "1", "h", "█" * 20] in rows
        assert ["2026-01-12", "1", "30", "min", "█" * 10] in rows

    @pytest.mark.parametrize(("width", "encoding"), [(80, "utf-8"), (66, "utf-8"), (80, "ascii")])
    def test_fits_terminal(self, width: int, encoding: str) -> None:
        recorder = Recorder(width, encoding=encoding)
        show_stats(recorder.screen, STATS, "lb")
        assert max(map(len, recorder.lines)) <= width
        assert ("#" in recorder.text) == (encoding == "ascii")
        assert "?" not in recorder.text and "…" not in recorder.text


class TestBar:
    def test_has_eighths_of_blocks(self) -> None:
        assert [bar(share, 2, blocks=True) for share in (0, 0.25, 0.5, 0.8, 1)] == [
            "",
            "▌",
            "█",
            "█▋",
            "██",
        ]

    def test_has_whole_characters_in_ascii(self) -> None:
        assert [bar(share, 4, blocks=False) for share in (0, 0.5, 1)] == ["", "##", "####"]
