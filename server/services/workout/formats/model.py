"""What reading a file gives: its workouts, and what is wrong with it."""

from dataclasses import dataclass, field
from enum import Enum

from server.services.workout.model import Workout

MAX_PROBLEMS = 1_000


class Format(Enum):
    """Whose file it is. The values are part of the ids of imported workouts: never change one."""

    GYMLOCKER = "gymlocker"
    STRONG = "strong"
    HEVY = "hevy"
    FITNOTES = "fitnotes"


@dataclass(frozen=True, slots=True)
class ReadWorkout:
    """A workout, and the line of the file where it begins; the first line is 1.

    `duration_assumed` says that the file does not tell how long it took.
    """

    line: int
    workout: Workout
    duration_assumed: bool


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something that begins on `line` was left out: a sentence for the owner of the file."""

    line: int
    message: str


class Problems(list[Problem]):
    """The first MOST_PROBLEMS of a file; `total` says how many there are."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def append(self, problem: Problem) -> None:
        """Keeps the problem, or only counts it: nobody reads a hundred thousand of them."""
        self.total += 1
        if self.total <= MAX_PROBLEMS:
            super().append(problem)


@dataclass(frozen=True, slots=True)
class ReadFile:
    """Everything that is in a file; both lists are ordered by line."""

    format: Format
    workouts: list[ReadWorkout] = field(default_factory=list)
    problems: Problems = field(default_factory=Problems)


class UnreadableFile(Exception):
    """Nothing can be read; the message says what to do about it."""


class BadCell(Exception):
    """What a cell says cannot be used. The message is a sentence without its stop."""

    def __init__(self, title: str, wrong: str) -> None:
        super().__init__(f"{title}: {wrong}")


def quoted(text: str) -> str:
    """`text` as a message may repeat it: cut short, and on one line."""
    return repr(text if len(text) <= 40 else text[:39] + "…")
