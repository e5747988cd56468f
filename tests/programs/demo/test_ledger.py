"""What counts as a difference, how it is told, and how it looks."""

import io
import json

import pytest
from gymlocker.v2 import event_pb2
from rich.console import Console

from server.programs.demo import samples
from server.programs.demo.comparison_log import ComparisonLog, ScenarioFailed
from server.programs.demo.screen import Row, Screen, preview


def test_equal() -> None:
    ledger = ComparisonLog()
    assert ledger.same("bytes", b"abc", b"abc")
    assert ledger.same("messages", event_pb2.GetEventsResponse(), event_pb2.GetEventsResponse())
    ledger.must("lists", [b"a"], [b"a"])
    assert (ledger.count, ledger.differences) == (3, [])


@pytest.mark.parametrize(
    ("expected", "actual", "told"),
    [
        (b"abcd", b"abXd", "expected 4 bytes, got 4; from byte 2 on 6364 became 5864"),
        (b"ab", b"a", "expected 2 bytes, got 1; from byte 1 on 62 became nothing"),
        (b"", b"a", "expected 0 bytes, got 1; from byte 0 on nothing became 61"),
        (b"a", ValueError("no"), "expected 1 bytes, got ValueError('no')"),
        (1, True, "expected 1, got True"),
        ([], ["x"], "expected [], got ['x']"),
    ],
)
def test_different(expected: object, actual: object, told: str) -> None:
    ledger = ComparisonLog()
    assert not ledger.same("it", expected, actual)
    assert ledger.differences == [f"it: {told}"]
    with pytest.raises(ScenarioFailed):
        ledger.must("it", expected, actual)
    assert ledger.count == 2


def test_a_long_difference_is_cut() -> None:
    ledger = ComparisonLog()
    ledger.same("it", "a" * 1000, "b" * 1000)
    assert len(ledger.differences[0]) < 300


def test_differences_are_shown_in_red_with_their_text_unharmed() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system="standard")
    screen, ledger = Screen(console), ComparisonLog()
    ledger.same("it", "[bold]x", "y")
    screen.side_by_side([Row("it", "[bold]x", "[/]", "y" * 100, False)])
    screen.step_done(ledger)
    screen.verdict(ledger, 1.0)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "\x1b[1;31m" in text and "[bold]x" in text
    assert "1 wrong in 1 comparison: it" in text


def test_preview() -> None:
    assert preview(b"\x8f" * 352) == "352 B 8f8f8f8f8f8f…"
    assert preview(b"\0" * 102_400) == "100 KiB 000000000000…"


def test_samples_are_what_people_have_on_their_phones() -> None:
    texts = [*samples.first_workouts(), samples.corrected_workout(), samples.late_workout()]
    assert all(any(byte > 127 for byte in text) for text in texts)
    assert all(json.loads(text)["exercises"] for text in texts)
    assert samples.name_of(samples.plan())
    picture = samples.picture("Ada")
    assert picture == samples.picture("Ada") != samples.picture("Ben")
    assert picture.startswith(b"\x89PNG") and 90_000 < len(picture) < 120_000
