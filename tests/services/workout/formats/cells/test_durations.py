"""Durations of workouts and sets."""

import pytest

from server.services.workout.formats.cells.durations import (
    NotADuration,
    seconds_of,
    seconds_of_hours,
)
from server.services.workout.formats.cells.numbers import Numbers


class TestSecondsOf:
    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            *(("1h 5m", 3900), ("1h", 3600), ("45m", 2700), ("50s", 50), ("1h 2m 30s", 3750)),
            *(("1:05:00", 3900), ("1:30", 90), ("0:00:45.6", 46), ("3900", 3900), ("3900.0", 3900)),
            *(("2 hours", 7200), ("1 hr 5 min", 3900), ("1.5h", 5400), ("1H 5M", 3900)),
            *(("-5", -5), ("", 0), ("0", 0), ("0m", 0), ("36.6", 37)),
        ],
    )
    def test_reads(self, text: str, seconds: int) -> None:
        assert seconds_of(text, Numbers()) == seconds

    @pytest.mark.parametrize("text", ["late", "5 parsecs", "1:75", "1h 5", "1h late", ":"])
    def test_rejects_other_text(self, text: str) -> None:
        with pytest.raises(NotADuration):
            seconds_of(text, Numbers())

    def test_is_negative_beyond_any_duration(self) -> None:
        assert seconds_of("1e99", Numbers()) == -1


class TestSecondsOfHours:
    @pytest.mark.parametrize(
        ("text", "seconds"),
        [("0.75", 2700), ("0,75", 2700), ("0:45", 2700), ("0.0094444", 34), ("", 0), ("45m", 2700)],
    )
    def test_reads(self, text: str, seconds: int) -> None:
        assert seconds_of_hours(text, Numbers()) == seconds

    def test_rejects_other_text(self) -> None:
        with pytest.raises(NotADuration):
            seconds_of_hours("long", Numbers())
