"""Grouping rows of sets into workouts, shared by Strong, Hevy and FitNotes.

An incomplete workout could not be corrected later, because the repaired file yields the same id. So
a workout is skipped if one of its rows is invalid. If the workout of an invalid row is unknown, the
workouts next to the row are skipped as well, unless they have another name.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from server.services.workout.formats.identity import id_of
from server.services.workout.formats.model import (
    BadCell,
    Format,
    Problem,
    Problems,
    ReadFile,
    ReadWorkout,
)
from server.services.workout.formats.notes import Exercise, Set, line
from server.services.workout.formats.table import Row, Table
from server.services.workout.model import (
    MAX_MINUTES,
    MAX_NOTES_CHARACTERS,
    MAX_TYPE_CHARACTERS,
    MIN_MINUTES,
    Workout,
)

_UNNAMED = "Workout"
# Explains a skipped workout that has no problem of its own.
_NEIGHBOURS_SKIPPED = "; the workouts next to this row were skipped, since it may be part of them."


@dataclass(slots=True)
class Session:
    """A workout under construction.

    `seconds` is its duration from the column `duration_title`: 0 if none is given, negative if it
    ends before it starts. `notes` and `categories` are ordered sets.
    """

    line: int
    start: datetime
    name: str
    is_complete: bool = True
    seconds: int = 0
    duration_title: str = ""
    notes: dict[str, None] = field(default_factory=dict)
    categories: dict[str, None] = field(default_factory=dict)
    exercises: dict[str, Exercise] = field(default_factory=dict)

    def set_duration(self, seconds: int, title: str) -> None:
        """Set the duration; the first one that is not 0 wins."""
        if seconds and not self.seconds:
            self.seconds, self.duration_title = seconds, title

    def note(self, text: str) -> None:
        """Add a note about the whole workout."""
        if text:
            self.notes[text] = None

    def exercise(self, name: str, one: Set, *notes: str) -> None:
        """Add a set. A row without a name and measurements is ignored."""
        if name or not one.is_empty():
            exercise = self._exercise(name)
            exercise.sets.append(one.text())
            for note in notes:
                exercise.note(note)

    def exercise_note(self, name: str, text: str) -> None:
        """Add the note of a row that is not a set."""
        if name or text:
            self._exercise(name).note(text)

    def _exercise(self, name: str) -> Exercise:
        return self.exercises.setdefault(name or "Exercise", Exercise())


@dataclass(frozen=True, slots=True)
class App:
    """Functions that read the rows of an app.

    `name` returns the name of the row's workout, "" if it has none, `start` its start; `add` adds
    everything else to the session. `start` and `add` raise BadCell.
    """

    format: Format
    name: Callable[[Row], str]
    start: Callable[[Row], datetime]
    add: Callable[[Row, Session], None]


def collect(table: Table, app: App, default_duration: int) -> ReadFile:
    """Read the workouts of a table; `default_duration` applies to those without a duration."""
    file = ReadFile(app.format)
    for session in _sessions(table, app, file.problems):
        try:
            if session.is_complete:
                file.workouts.append(_finished(session, app.format, default_duration))
        except BadCell as problem:
            file.problems.append(Problem(session.line, f"{problem}."))
    file.problems.sort(key=lambda problem: problem.line)
    return file


def _sessions(table: Table, app: App, problems: Problems) -> list[Session]:
    sessions: dict[tuple[datetime, str], Session] = {}
    neighbours = _Neighbours()
    for row in table.rows:
        if isinstance(row, Problem):
            problems.append(Problem(row.line, row.message.removesuffix(".") + _NEIGHBOURS_SKIPPED))
            neighbours.add_unknown(None)
            continue
        name = app.name(row)
        try:
            start = app.start(row).replace(tzinfo=None)
        except BadCell as problem:
            problems.append(Problem(row.line, f"{problem}{_NEIGHBOURS_SKIPPED}"))
            neighbours.add_unknown(name)
            continue
        session = sessions.setdefault((start, name), Session(row.line, start, name))
        neighbours.add(session)
        try:
            _reject_nul(row)
            app.add(row, session)
        except BadCell as problem:
            problems.append(Problem(row.line, f"{problem}; its workout was skipped."))
            session.is_complete = False
    return list(sessions.values())


class _Neighbours:
    """Neighbours of rows without a known workout, which are marked incomplete."""

    def __init__(self) -> None:
        self._before: Session | None = None
        self._unknown: set[str | None] = set()

    def add_unknown(self, name: str | None) -> None:
        """Handle a row whose workout is unknown; `name` is None if unknown as well."""
        if self._before and name in (None, self._before.name):
            self._before.is_complete = False
        self._unknown.add(name)

    def add(self, session: Session) -> None:
        """Handle the session of the next row."""
        if self._unknown & {None, session.name}:
            session.is_complete = False
        self._unknown.clear()
        self._before = session


def _reject_nul(row: Row) -> None:
    for index, cell in enumerate(row.cells):
        if "\0" in cell:
            raise BadCell(row.header.titles[index][:40], "must not contain a NUL character")


def _finished(session: Session, app: Format, default_duration: int) -> ReadWorkout:
    kind, full_name = _type(session)
    notes = "\n".join(
        [
            *full_name,
            *session.notes,
            *(line(name, exercise) for name, exercise in session.exercises.items()),
        ]
    )
    if len(notes) > MAX_NOTES_CHARACTERS:
        most, length = f"{MAX_NOTES_CHARACTERS:,}", f"{len(notes):,}"
        raise BadCell("notes", f"must have at most {most} characters with all sets, not {length}")
    workout = Workout(
        id_of(app, session.start.isoformat(), session.name),
        session.start.date(),
        kind,
        _minutes(session) or default_duration,
        notes,
    )
    return ReadWorkout(session.line, workout, duration_assumed=not session.seconds)


def _minutes(session: Session) -> int:
    """Return the duration in minutes, rounded half up; 0 if the file has none."""
    if not session.seconds:
        return 0
    if session.seconds < 0:
        raise BadCell(session.duration_title, "must not be before the start")
    minutes = max(MIN_MINUTES, (session.seconds + 30) // 60)
    if minutes > MAX_MINUTES:
        problem = f"the workout must not be longer than {MAX_MINUTES:,} minutes (a week)"
        raise BadCell(session.duration_title, problem)
    return minutes


def _type(session: Session) -> tuple[str, list[str]]:
    """Return the type of the workout and, if it was shortened, the full name for the notes."""
    full = session.name or ", ".join(session.categories) or _UNNAMED
    if len(full) <= MAX_TYPE_CHARACTERS:
        return full, []
    between_categories = "" if session.name else full[: MAX_TYPE_CHARACTERS + 2]
    shortened = between_categories.rpartition(", ")[0] or full[:MAX_TYPE_CHARACTERS]
    return shortened, [full]
