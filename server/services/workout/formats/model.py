"""The result of reading a file: its workouts and its problems."""

from dataclasses import dataclass, field
from enum import Enum

from server.services.workout.model import Workout

MAX_PROBLEMS = 1_000


class Format(Enum):
    """The format of a file. Its value is part of the ids of imported workouts: never change one."""

    GYMLOCKER = "gymlocker"
    STRONG = "strong"
    HEVY = "hevy"
    FITNOTES = "fitnotes"


@dataclass(frozen=True, slots=True)
class ReadWorkout:
    """A workout, and the line where it begins, counted from 1.

    `duration_assumed` is true if the file does not state its duration.
    """

    line: int
    workout: Workout
    duration_assumed: bool


@dataclass(frozen=True, slots=True)
class Problem:
    """The reason why the entry that begins on `line` was skipped: a sentence for the user."""

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
    """The contents of a file; both lists are ordered by line."""

    format: Format
    workouts: list[ReadWorkout] = field(default_factory=list)
    problems: Problems = field(default_factory=Problems)


class UnreadableFile(Exception):
    """The file cannot be read at all; the message states the problem and the remedy."""


class BadCell(Exception):
    """The value of a cell is invalid. The message is a sentence without its full stop."""

    def __init__(self, title: str, problem: str) -> None:
        super().__init__(f"{title}: {problem}")


def quoted(text: str) -> str:
    """Return `text` as quoted in messages: shortened and on one line."""
    return repr(text if len(text) <= 40 else text[:39] + "…")
