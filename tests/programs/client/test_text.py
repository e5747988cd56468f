"""Text that is safe to print, and durations."""

from server.programs.client.text import printable, waiting_time


class TestPrintable:
    def test_removes_control_characters_and_keeps_emoji(self) -> None:
        assert printable("a\r\nb\t\x9bc \u202ed") == "a b c d"
        assert printable("👨\u200d👩\u200d👧") == "👨\u200d👩\u200d👧"


class TestWaitingTime:
    def test_rounds_up_to_minutes(self) -> None:
        texts = [waiting_time(seconds) for seconds in (1, 45, 119, 120, 121)]
        assert texts == ["1 second", "45 seconds", "119 seconds", "2 minutes", "3 minutes"]
