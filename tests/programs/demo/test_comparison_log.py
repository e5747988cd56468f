"""Differences: their detection, description and display. Also the sample data of the demo."""

import io
import json

import pytest
from gymlocker.v2 import event_pb2
from rich.console import Console

from server.programs.demo import samples
from server.programs.demo.comparison_log import ComparisonLog, ScenarioFailed
from server.programs.demo.screen import Row, Screen, preview


class TestComparisonLog:
    def test_counts_equal_values(self) -> None:
        log = ComparisonLog()
        assert log.compare("bytes", b"abc", b"abc")
        assert log.compare("messages", event_pb2.GetEventsResponse(), event_pb2.GetEventsResponse())
        log.require("lists", [b"a"], [b"a"])
        assert (log.count, log.differences) == (3, [])

    @pytest.mark.parametrize(
        ("expected", "actual", "description"),
        [
            (b"abcd", b"abXd", "expected 4 bytes, got 4; at byte 2: 6364 became 5864"),
            (b"ab", b"a", "expected 2 bytes, got 1; at byte 1: 62 became nothing"),
            (b"", b"a", "expected 0 bytes, got 1; at byte 0: nothing became 61"),
            (b"a", ValueError("no"), "expected 1 bytes, got ValueError('no')"),
            (1, True, "expected 1, got True"),
            ([], ["x"], "expected [], got ['x']"),
        ],
    )
    def test_describes_difference(self, expected: object, actual: object, description: str) -> None:
        log = ComparisonLog()
        assert not log.compare("it", expected, actual)
        assert log.differences == [f"it: {description}"]
        with pytest.raises(ScenarioFailed):
            log.require("it", expected, actual)
        assert log.count == 2

    def test_shortens_long_difference(self) -> None:
        log = ComparisonLog()
        log.compare("it", "a" * 1000, "b" * 1000)
        assert len(log.differences[0]) < 300


class TestScreen:
    def test_shows_differences_in_red_and_escapes_markup(self) -> None:
        console = Console(
            file=io.StringIO(), width=80, force_terminal=True, color_system="standard"
        )
        screen, log = Screen(console), ComparisonLog()
        log.compare("it", "[bold]x", "y")
        screen.table([Row("it", "[bold]x", "[/]", "y" * 100, False)])
        screen.step_done(log)
        screen.result(log, 1.0)
        assert isinstance(console.file, io.StringIO)
        text = console.file.getvalue()
        assert "\x1b[1;31m" in text and "[bold]x" in text
        assert "1 wrong in 1 comparison: it" in text


class TestPreview:
    def test_shows_size_and_first_bytes(self) -> None:
        assert preview(b"\x8f" * 352) == "352 B 8f8f8f8f8f8f…"
        assert preview(b"\0" * 102_400) == "100 KiB 000000000000…"


class TestSamples:
    def test_resemble_real_data(self) -> None:
        texts = [*samples.first_workouts(), samples.corrected_workout(), samples.late_workout()]
        assert all(any(byte > 127 for byte in text) for text in texts)
        assert all(json.loads(text)["exercises"] for text in texts)
        assert samples.name_of(samples.plan())
        picture = samples.picture("Ada")
        assert picture == samples.picture("Ada") != samples.picture("Ben")
        assert picture.startswith(b"\x89PNG") and 90_000 < len(picture) < 120_000
