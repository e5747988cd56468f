"""Text that is safe to print, and durations."""

import time
from collections.abc import Iterator

import pytest

from server.errors import StartError
from server.programs.client.text import hours, printable, start_time, waiting_time


class TestPrintable:
    def test_removes_control_characters_and_keeps_emoji(self) -> None:
        assert printable("a\r\nb\t\x9bc \u202ed") == "a b c d"
        assert printable("👨\u200d👩\u200d👧") == "👨\u200d👩\u200d👧"


class TestHours:
    def test_leaves_out_zeros(self) -> None:
        texts = [hours(minutes) for minutes in (0, 45, 60, 65, 18_760, 120_000)]
        assert texts == ["0 min", "45 min", "1 h", "1 h 5 min", "312 h 40 min", "2,000 h"]


class TestStartTime:
    @pytest.fixture(autouse=True)
    def zone(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Set the time zone of the process."""
        with monkeypatch.context() as patch:
            patch.setenv("TZ", "Europe/Berlin")
            time.tzset()
            yield
        time.tzset()

    @pytest.mark.parametrize(
        ("typed", "date", "stored"),
        [
            ("18:30", "2026-02-07", "2026-02-07T18:30:00+01:00"),
            ("8:05", "2026-07-01", "2026-07-01T08:05:00+02:00"),
            ("18:30:15.5", "2026-02-07", "2026-02-07T18:30:15.5+01:00"),
            ("18:30-09:30", "2026-02-07", "2026-02-07T18:30:00-09:30"),
            ("18:30Z", "2026-02-07", "2026-02-07T18:30:00Z"),
            ("2026-02-08t00:10:00z", "2026-02-07", "2026-02-08t00:10:00z"),
            ("", "2026-02-07", ""),
            # Berlin's local mean time was 53 minutes and 28 seconds ahead.
            ("18:30", "1880-01-01", "1880-01-01T18:30:00+00:53"),
        ],
    )
    def test_adds_date_and_local_offset(self, typed: str, date: str, stored: str) -> None:
        assert start_time(typed, date) == stored

    @pytest.mark.parametrize("typed", ["24:00", "18:60", "6pm", "18", "18:30+25:00", "\x1b"])
    def test_rejects_other_texts(self, typed: str) -> None:
        with pytest.raises(StartError, match=r"is not a time of day: write it as 18:30\."):
            start_time(typed, "2026-02-07")


class TestWaitingTime:
    def test_rounds_up_to_minutes(self) -> None:
        texts = [waiting_time(seconds) for seconds in (1, 45, 119, 120, 121)]
        assert texts == ["1 second", "45 seconds", "119 seconds", "2 minutes", "3 minutes"]
