"""A workout with its exercises and sets, and the limits of their fields."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

MAX_TYPE_CHARACTERS = 100
MIN_MINUTES = 1
# A week.
MAX_MINUTES = 10_080
MAX_NOTES_CHARACTERS = 10_000
MAX_EXERCISES = 100
MAX_NAME_CHARACTERS = 100
MAX_EXERCISE_NOTES_CHARACTERS = 2_000
MAX_SUPERSET = 10
MAX_SETS = 100
KINDS = ("normal", "warmup", "drop", "failure")
MAX_REPS = 10_000
# Negative weights are those of machines that assist.
MAX_WEIGHT = 10_000
# The units of weights, exactly in kilograms.
KILOGRAMS = {"kg": Decimal(1), "lb": Decimal("0.45359237")}
WEIGHT_UNITS = tuple(KILOGRAMS)
MAX_DISTANCE = 10_000_000
DISTANCE_UNITS = ("m", "km", "mi", "yd")
# A week.
MAX_SECONDS = 604_800
MIN_RPE, MAX_RPE = 1, 10
MAX_SET_NOTES_CHARACTERS = 500
# Digits after the decimal point.
DECIMALS = 3
# As a serialized message.
MAX_WORKOUT_BYTES = 1024 * 1024
# Of a training log.
MAX_WORKOUTS = 100_000
MAX_STORED_SETS = 2_000_000


class Set(NamedTuple):
    """A set of an exercise. None, and empty notes, mean not given.

    `kind` is one of KINDS. `weight` and `distance` have at most 3 decimals, and a unit of
    WEIGHT_UNITS or DISTANCE_UNITS. `duration` is in seconds. `rpe` (rate of perceived exertion) is
    1 to 10 in halves. `completed` is true unless it is False.
    """

    kind: str | None = None
    reps: int | None = None
    weight: float | None = None
    weight_unit: str | None = None
    distance: float | None = None
    distance_unit: str | None = None
    duration: int | None = None
    rpe: float | None = None
    completed: bool | None = None
    notes: str = ""


class Exercise(NamedTuple):
    """An exercise within a workout. Exercises of one `superset` (0 to 10) were done in turns."""

    name: str
    notes: str = ""
    superset: int | None = None
    sets: tuple[Set, ...] = ()


@dataclass(frozen=True, slots=True)
class Workout:
    """An entry in the training log: everything that its owner can change.

    `date` is a calendar date without a time zone. `type` has 1 to 100 characters (code points) and
    is kept as typed, without surrounding white space. `duration` is in minutes. `notes` has up to
    10,000 characters; "" means none. `start_time` is RFC 3339 with the offset where the person was;
    "" means none. No text contains NUL, which PostgreSQL cannot store.
    """

    id: UUID
    date: dt.date
    type: str
    duration: int
    notes: str
    start_time: str = ""
    exercises: tuple[Exercise, ...] = ()

    @property
    def set_count(self) -> int:
        """Return the number of sets of all exercises."""
        return sum(len(exercise.sets) for exercise in self.exercises)


@dataclass(frozen=True, slots=True)
class StoredWorkout:
    """A stored workout, and what the server recorded about it.

    In the basic view, `workout` has no exercises, whatever `exercise_count` is. `source` is the app
    that it was imported from, or "". `digest` identifies its contents.
    """

    workout: Workout
    source: str
    created: dt.datetime
    updated: dt.datetime
    digest: bytes
    exercise_count: int
    set_count: int
