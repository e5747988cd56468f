"""Files in the layouts of other apps, so that a training log can move there.

Both layouts hold sets that were done. Lost in both: sets not done, sets without any measurement,
exercises without sets, supersets, ids, sources, and the offset of the start. A workout without
exercises becomes one set of an exercise with the name of its type, as long as the workout.

Texts have no guard against formulas: these files are read by apps, which would show it.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator

from server.services.workout.formats.values import cell, csv_records, number_text
from server.services.workout.model import Exercise, Set, StoredWorkout, Workout

_FITNOTES_COLUMNS = (
    *("Date", "Exercise", "Category", "Weight", "Weight Unit", "Reps"),
    *("Distance", "Distance Unit", "Time", "Comment"),
)
_FITNOTES_UNITS = {"kg": "kgs", "lb": "lbs"}
# The layout of Strong for Android: the only one that names the unit of each weight.
_STRONG_COLUMNS = (
    *("Date", "Workout Name", "Exercise Name", "Set Order", "Weight", "Weight Unit", "Reps"),
    *("RPE", "Distance", "Distance Unit", "Seconds", "Notes", "Workout Notes", "Workout Duration"),
)
_STRONG_UNITS = {"kg": "kg", "lb": "lbs"}
_STRONG_KINDS = {"warmup": "W", "drop": "D", "failure": "F"}
_NOON = dt.time(12)
_SECONDS_OF_DAY = 86_400
# Of any day.
_MIDNIGHT = dt.datetime(2000, 1, 1)  # noqa: DTZ001


def fitnotes_header() -> bytes:
    """Return the first line of a FitNotes file."""
    return csv_records([_FITNOTES_COLUMNS])


def fitnotes_lines(stored: StoredWorkout) -> bytes:
    """Return the sets of a workout as FitNotes writes them; the category is the workout's type.

    FitNotes has no workouts, only days: the workouts of a day become one. Also lost: start time,
    duration, notes of the workout, kinds of sets and exertion.
    """
    workout = stored.workout
    return csv_records(
        [
            (
                workout.date.isoformat(),
                exercise.name,
                workout.type,
                *_weight(one, _FITNOTES_UNITS),
                cell(one.reps),
                *_distance(one),
                "" if one.duration is None else _clock(one.duration),
                notes,
            )
            for exercise, one, notes in _sets(workout)
        ]
    )


class StrongWriter:
    """The lines of a Strong file, in which the start identifies a workout.

    Lost: the difference between the notes of an exercise and of its first set. A workout without a
    start time begins at noon; several of one type and start begin a second after each other.
    """

    def __init__(self) -> None:
        self._date: dt.date | None = None
        # The seconds of the date at which workouts of a type begin.
        self._taken: defaultdict[str, _Seconds] = defaultdict(_Seconds)

    def header(self) -> bytes:
        """Return the first line."""
        return csv_records([_STRONG_COLUMNS], ";")

    def lines(self, stored: StoredWorkout) -> bytes:
        """Return the sets of a workout. Workouts of a date must follow one another."""
        workout = stored.workout
        before = (self._start(workout), workout.type)
        rows = []
        after = (workout.notes, _hours(workout.duration))
        for order, (exercise, one, notes) in _ordered(workout):
            weight, distance = _weight(one, _STRONG_UNITS), _distance(one)
            measured = (*weight, cell(one.reps), cell(one.rpe), *distance)
            seconds = cell(one.duration)
            rows.append((*before, exercise.name, order, *measured, seconds, notes, *after))
        return csv_records(rows, ";")

    def _start(self, workout: Workout) -> str:
        if workout.date != self._date:
            self._date = workout.date
            self._taken.clear()
        start = _NOON
        if workout.start_time:
            given = dt.datetime.fromisoformat(workout.start_time.upper())
            start = given.time().replace(microsecond=0)
        time = self._taken[workout.type].take(start)
        return f"{workout.date.isoformat()} {time.isoformat()}"


class _Seconds:
    """The seconds of a day that are taken."""

    def __init__(self) -> None:
        # For each, a later one at which to look for one that is free. A search shortens the paths
        # it follows, so that taking all seconds of a day from the same start is not quadratic.
        self._later: dict[int, int] = {}

    def take(self, start: dt.time) -> dt.time:
        """Take the first free second from `start`, past midnight as well; `start` if none is."""
        second = start.hour * 3600 + start.minute * 60 + start.second
        if len(self._later) == _SECONDS_OF_DAY:
            return start
        path = [second]
        while (later := self._later.get(path[-1])) is not None:
            path.append(later)
        free = path[-1]
        after = (free + 1) % _SECONDS_OF_DAY
        self._later.update(dict.fromkeys(path, after))
        return (_MIDNIGHT + dt.timedelta(seconds=free)).time()


def _sets(workout: Workout) -> Iterator[tuple[Exercise, Set, str]]:
    """Yield the sets that were done, with their notes and, at the first one, the exercise's."""
    if not workout.exercises:
        yield Exercise(workout.type), Set(duration=workout.duration * 60), ""
    for exercise in workout.exercises:
        notes = exercise.notes
        for one in exercise.sets:
            if one.completed is not False and _is_measured(one):
                yield exercise, one, "\n".join(filter(None, (notes, one.notes)))
                notes = ""


def _ordered(workout: Workout) -> Iterator[tuple[str, tuple[Exercise, Set, str]]]:
    """Yield the sets with Strong's order: a letter for the kind, else a number."""
    current, number = None, 0
    for exercise, one, notes in _sets(workout):
        if exercise is not current:
            current, number = exercise, 0
        letter = _STRONG_KINDS.get(one.kind or "")
        number += not letter
        yield letter or str(number), (exercise, one, notes)


def _is_measured(one: Set) -> bool:
    """Check whether the layouts, in which 0 means not measured, can hold the set."""
    return bool(one.reps or one.weight or one.distance or one.duration)


def _weight(one: Set, units: dict[str, str]) -> tuple[str, str]:
    if one.weight is None:
        return "", ""
    return number_text(one.weight), units[one.weight_unit or "kg"]


def _distance(one: Set) -> tuple[str, str]:
    if one.distance is None:
        return "", ""
    return number_text(one.distance), one.distance_unit or "m"


def _clock(seconds: int) -> str:
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02}:{second:02}"


def _hours(minutes: int) -> str:
    hour, minute = divmod(minutes, 60)
    return " ".join(filter(None, (f"{hour}h" if hour else "", f"{minute}m" if minute else "")))
