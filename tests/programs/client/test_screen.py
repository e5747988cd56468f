"""Output on terminals and in files."""

import io

from gymlocker.v2 import workout_pb2
from rich.console import Console

from server.programs.client.screen import Screen, console_on


def shown(encoding: str, *, terminal: bool, width: int | None = None) -> str:
    """Return the table of a workout with escape sequences."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = (
        Console(file=stream, width=80, force_terminal=True) if terminal else console_on(stream)
    )
    notes = "first\nsecond \x1b[2J\x07 [bold]ü😀 " + "long " * 500
    workout = workout_pb2.Workout(date="2026-02-07", type="\x1b[31mRun", duration=30, notes=notes)
    Screen(console).workouts([workout], more=False)
    stream.flush()
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode(encoding)


class TestWorkouts:
    def test_shortens_notes_and_removes_control_characters(self) -> None:
        text = shown("utf-8", terminal=False)
        assert "first second [2J [bold]ü😀 long" in text
        assert "\x1b" not in text and "\x07" not in text
        assert len(text.splitlines()) == 2
        assert max(len(line) for line in text.splitlines()) <= 100
        assert "\x1b[2J" not in shown("utf-8", terminal=True)
        assert "first second [2J [bold]??" in shown("ascii", terminal=False)
