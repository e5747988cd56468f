"""The result of reading a file: its workouts, problems and warnings."""

import datetime as dt
from dataclasses import dataclass, field
from enum import Enum

from server.services.workout.model import WEIGHT_UNITS, Workout

MAX_PROBLEMS = 1_000
MAX_WARNINGS = 1_000


ASSUMED_KILOGRAMS = (
    "Weights without a unit were taken as kg. If they are pounds, import the file again with "
    "unit=lb"
)


class Format(Enum):
    """The format of a file. Its value is part of the ids of imported workouts: never change one."""

    GYMLOCKER = "gymlocker"
    STRONG = "strong"
    HEVY = "hevy"
    FITNOTES = "fitnotes"
    STRONGLIFTS = "stronglifts"
    LIFTLOG = "liftlog"


# The sources of workouts. "" is that of those entered here.
SOURCES = ("", *(format_.value for format_ in Format))


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Answers to the questions that a file leaves open.

    `default_duration`, in minutes, applies to workouts without a usable duration. `unit` ("kg" or
    "lb") applies to weights without one; "seconds" or "minutes" to a plain file's durations.
    `time_zone` is an IANA name. Both are "" if not given.
    """

    default_duration: int = 60
    unit: str = ""
    time_zone: str = ""

    @property
    def weight_unit(self) -> str:
        """Return the unit of weights without one; "" if it is not given."""
        return self.unit if self.unit in WEIGHT_UNITS else ""


@dataclass(frozen=True, slots=True)
class ReadWorkout:
    """A workout, and the line where it begins, counted from 1 (0 if the file has no lines).

    `duration_assumed` is true if the file does not state a usable duration. `source` is the app
    that the workout comes from. `created` is set only by our own exports.
    """

    line: int
    workout: Workout
    duration_assumed: bool
    source: str = ""
    created: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """The reason why the row that begins on `line` was skipped: a sentence for the user."""

    line: int
    message: str


class Problems(list[Problem]):
    """The first MAX_PROBLEMS problems of a file, and the `total` of all."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def append(self, problem: Problem) -> None:
        """Add the problem; beyond the limit only count it, to bound the response."""
        self.total += 1
        if self.total <= MAX_PROBLEMS:
            super().append(problem)


@dataclass(frozen=True, slots=True)
class ReadFile:
    """The contents of a file.

    `workouts` are in the order in which they were done, as far as the file tells. `problems` are
    ordered by line. `columns_not_read` are titles as written in the file. `warnings` are sentences
    about values that were assumed, moved or left out.
    """

    format: Format
    workouts: list[ReadWorkout] = field(default_factory=list)
    problems: Problems = field(default_factory=Problems)
    columns_not_read: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class UnreadableFile(Exception):
    """The file cannot be read at all; the message states the problem and the remedy."""


class BadCell(Exception):
    """The value of a cell is invalid. The message is a sentence without its full stop."""

    def __init__(self, title: str, problem: str) -> None:
        super().__init__(f"{title}: {problem}")


def quoted(text: str) -> str:
    """Return `text` as quoted in messages: shortened and on one line."""
    return repr(text if len(text) <= 40 else text[:39] + "…")
