r"""A workout as text to edit.

    Date: 2026-02-07
    Type: Push
    Minutes: 65
    Start: 18:30:00+01:00
    Notes:
      Any text, in any number of lines
    Exercises:
      Bench Press: 100kg x5 x5 x4, 90kg x8

Lines that begin with # are left out. As in the notation of exercises, a backslash takes the special
meaning from the next character.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from gymlocker.v2 import workout_pb2

from server.errors import StartError
from server.programs.client import diary
from server.programs.client.notation.escapes import escape, unescape
from server.programs.client.notation.parser import parse_exercise
from server.programs.client.notation.writer import format_exercise
from server.programs.client.text import day
from server.programs.client.typed import set_start

INDENT = "  "
MAX_MINUTES = 10_080
HELP = """\
# Save the file to change the workout, or leave it as it is to change nothing.
# An exercise a line: Bench Press: w 60kg x10, 100kg x5 x5 x4 @9, 90kg x8 (a note)
#   Squat: 5x5 100kg    Push-up: bw 3x20    Plank: 3x60s    Run: 5km 25:00
"""
NOTES, EXERCISES = "Notes", "Exercises"
FIELDS = ("Date", "Type", "Minutes", "Start", NOTES, EXERCISES)


def write_form(workout: workout_pb2.Workout) -> str:
    """Return the workout as text, followed by a few lines of help."""
    lines = [
        f"Date: {workout.date}",
        f"Type: {escape(workout.type, '')}",
        f"Minutes: {workout.duration}",
        f"Start: {workout.start_time.removeprefix(f'{workout.date}T')}",
        f"{NOTES}:",
        *(_indented(escape(line, "")) for line in workout.notes.split("\n") if workout.notes),
        f"{EXERCISES}:",
        *(_indented(format_exercise(each)) for each in workout.exercises),
    ]
    return "\n".join([*lines, "", HELP])


def read_form(text: str, before: workout_pb2.Workout, unit: str) -> workout_pb2.Workout:
    """Return `before` with what the text says. Raises StartError, naming the line.

    A field that is missing stays as it was. Weights without a unit are in `unit`.
    """
    reader = _Reader(before, unit)
    # Not splitlines, which ends lines at characters that notes may contain.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.startswith("#"):
            with _naming(number):
                reader.read(number, line)
    return reader.end()


class _Reader:
    """A reader of the form, line by line."""

    def __init__(self, before: workout_pb2.Workout, unit: str) -> None:
        self._workout = workout_pb2.Workout()
        self._workout.CopyFrom(before)
        self._unit = unit
        self._section = ""
        self._notes: list[str] | None = None
        self._start: tuple[int, str] | None = None

    def read(self, number: int, line: str) -> None:
        """Read a line."""
        name, colon, value = line.partition(":")
        if self._section == EXERCISES:
            if line.strip():
                self._workout.exercises.append(parse_exercise(line.strip(), self._unit))
        elif self._notes is not None and name != EXERCISES:
            self._notes.append(unescape(line.removeprefix(INDENT)))
        elif colon and name in FIELDS:
            self._begin(number, name, value.strip())
        elif line.strip():
            raise StartError(f"Begin the line with one of: {', '.join(FIELDS)}.")

    def end(self) -> workout_pb2.Workout:
        """Return the workout."""
        if self._notes is not None:
            notes = "\n".join(self._notes)
            self._workout.notes = notes if self._section == EXERCISES else notes.rstrip()
        if self._start is not None:
            # The date may stand below it.
            number, text = self._start
            with _naming(number):
                set_start(self._workout, text)
        return self._workout

    def _begin(self, number: int, name: str, value: str) -> None:
        match name:
            case "Date":
                self._workout.date = day(_required(name, value), diary.local_today())
            case "Type":
                self._workout.type = unescape(_required(name, value))
            case "Minutes":
                self._workout.duration = _minutes(value)
            case "Start":
                self._start = number, value
            case "Notes":
                self._section = NOTES
                self._notes = [unescape(value)] if value else []
            case _:
                self._section = EXERCISES
                del self._workout.exercises[:]
                if value:
                    raise StartError("Write each exercise on a line of its own, below this one.")


@contextmanager
def _naming(line: int) -> Iterator[None]:
    """Name the line in errors."""
    try:
        yield
    except StartError as error:
        # An error of the notation has lines of its own, aligned with one another.
        space = "\n" if "\n" in str(error) else " "
        raise StartError(f"Line {line}:{space}{error}") from error


def _indented(line: str) -> str:
    return f"{INDENT}{line}" if line else ""


def _required(name: str, value: str) -> str:
    if not value:
        raise StartError(f"{name} is empty: write it after the colon.")
    return value


def _minutes(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_MINUTES:
        raise StartError(f"Minutes are a whole number from 1 to {MAX_MINUTES:,}: correct them.")
    return int(text)
