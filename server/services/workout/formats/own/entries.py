"""The workouts of our own files before their units and ids are settled.

A file written by hand does not say whether its durations are minutes or seconds, and has no ids.
Both are settled when all of it was read.
"""

import datetime as dt
import re
import statistics
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from server.services.workout.formats.identity import id_of
from server.services.workout.formats.model import (
    BadCell,
    Format,
    Problem,
    ReadFile,
    ReadOptions,
    ReadWorkout,
    UnreadableFile,
    quoted,
)
from server.services.workout.formats.size import require_size
from server.services.workout.model import MAX_MINUTES, MIN_MINUTES, Exercise, Workout

MINUTES = "minutes"
SECONDS = "seconds"
# A day, and six hours: neither is a usual length of a workout.
_MAX_PLAUSIBLE = 1_440
_MAX_PLAUSIBLE_MEDIAN = 360
_WHOLE = re.compile(r"([0-9]{1,9})(?:\.0{1,9})?")
_LONGEST = {MINUTES: MAX_MINUTES, SECONDS: MAX_MINUTES * 60}


@dataclass(frozen=True, slots=True)
class Entry:
    """A workout as a file has it.

    `id` is None if the file has none. `duration` is the number in the file, None if it has none;
    `duration_title` is the title of its column.
    """

    line: int
    id: UUID | None
    date: dt.date
    type: str
    duration: int | None
    duration_title: str
    notes: str
    start_time: str
    exercises: tuple[Exercise, ...]
    source: str
    created: dt.datetime | None


def settle(file: ReadFile, entries: list[Entry], options: ReadOptions, unit: str) -> None:
    """Add the entries to the file as workouts.

    `unit` is MINUTES or SECONDS if the file names one, else "". Raises UnreadableFile if the
    durations are in minutes only by an unlikely guess.
    """
    unit = unit or _unit(entries, options)
    ids = _Ids(entries)
    for entry in entries:
        try:
            minutes = _minutes(entry, unit)
            workout = Workout(
                entry.id or ids.derived(entry),
                entry.date,
                entry.type,
                minutes or options.default_duration,
                entry.notes,
                entry.start_time,
                entry.exercises,
            )
            require_size(workout, "exercises")
        except BadCell as problem:
            file.problems.append(Problem(entry.line, f"{problem}."))
            continue
        file.workouts.append(
            ReadWorkout(entry.line, workout, not minutes, entry.source, entry.created)
        )
    file.problems.sort(key=lambda problem: problem.line)


def whole_duration(title: str, value: str, unit: str) -> int | None:
    """Return a duration as the number in the file; None if it is empty. Raises BadCell."""
    if not value:
        return None
    if not (match := _WHOLE.fullmatch(value)):
        raise bad_duration(title, value, unit or MINUTES)
    return int(match[1])


def bad_duration(title: str, value: str, unit: str) -> BadCell:
    """Return the error for a duration that is not in range."""
    limits = f"{MIN_MINUTES} to {_LONGEST[unit]:,}"
    return BadCell(title, f"{quoted(value)} is not a whole number of {unit} from {limits}")


def _unit(entries: list[Entry], options: ReadOptions) -> str:
    if options.unit in (MINUTES, SECONDS):
        return options.unit
    durations = [entry.duration for entry in entries if entry.duration is not None]
    # An id is the mark of an export, and exports are in minutes.
    if not durations or any(entry.id for entry in entries):
        return MINUTES
    longest = max(durations)
    if longest <= _MAX_PLAUSIBLE and statistics.median(durations) <= _MAX_PLAUSIBLE_MEDIAN:
        return MINUTES
    raise UnreadableFile(
        f"Are the durations minutes or seconds? As minutes they are very long (up to {longest:,}). "
        "Import the file again with unit=seconds or unit=minutes, or name the column "
        "duration_seconds or duration_minutes."
    )


def _minutes(entry: Entry, unit: str) -> int:
    """Return the duration in minutes, rounded half up; 0 if the file has none."""
    if entry.duration is None:
        return 0
    if not MIN_MINUTES <= entry.duration <= _LONGEST[unit]:
        raise bad_duration(entry.duration_title, str(entry.duration), unit)
    if unit == MINUTES:
        return entry.duration
    return max(MIN_MINUTES, (entry.duration + 30) // 60)


class _Ids:
    """Ids of entries without one, which none of `entries` has."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        # The file may be an earlier export of such ids, to which rows were added by hand. A row
        # that equals one of the export is another workout, as equal rows without ids are.
        self._given = {entry.id for entry in entries if entry.id}
        self._equal: Counter[tuple[dt.date, str, int, str]] = Counter()

    def derived(self, entry: Entry) -> UUID:
        """Return the next id of the contents of an entry.

        The duration counts as the number in the file, so a file that is imported again in the
        right unit corrects its workouts.
        """
        contents = (entry.date, entry.type, entry.duration or 0, entry.notes)
        date, kind, duration, notes = contents
        while True:
            ordinal = self._equal[contents]
            self._equal[contents] += 1
            id_ = id_of(Format.GYMLOCKER, date.isoformat(), kind, duration, notes, ordinal)
            if id_ not in self._given:
                return id_
