"""Rows that are sets, collected into workouts: what Strong, Hevy and FitNotes have in common.

A workout with a set missing would be wrong, and would stay so: reading the repaired file gives the
same id. So a workout is left out as soon as one of its rows cannot be read; and where not even the
workout of a row can be told, so are those next to it, unless it has another name than they.
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
    SHORTEST_MINUTES,
    Workout,
)

_UNNAMED = "Workout"
# Why a workout is missing that has no problem of its own.
_LOST = ", so a workout next to it, which it may belong to, is left out too."


@dataclass(slots=True)
class Session:
    """A workout while its rows are read.

    `seconds` is its length as the column `length_title` has it, 0 if nothing was said; negative if
    it ends before it starts. `notes` and `categories` keep their order, each once.
    """

    line: int
    start: datetime
    name: str
    whole: bool = True
    seconds: int = 0
    length_title: str = ""
    notes: dict[str, None] = field(default_factory=dict)
    categories: dict[str, None] = field(default_factory=dict)
    exercises: dict[str, Exercise] = field(default_factory=dict)

    def lasts(self, seconds: int, title: str) -> None:
        """Keeps the first length that is said."""
        if seconds and not self.seconds:
            self.seconds, self.length_title = seconds, title

    def note(self, text: str) -> None:
        """Keeps a note about the whole workout."""
        if text:
            self.notes[text] = None

    def exercise(self, name: str, one: Set, *notes: str) -> None:
        """Keeps a set. A row without a name and measures says nothing of an exercise."""
        if name or not one.is_empty():
            exercise = self._exercise(name)
            exercise.sets.append(one.text())
            for note in notes:
                exercise.note(note)

    def exercise_note(self, name: str, text: str) -> None:
        """Keeps a note of a row that is no set."""
        if name or text:
            self._exercise(name).note(text)

    def _exercise(self, name: str) -> Exercise:
        return self.exercises.setdefault(name or "Exercise", Exercise())


@dataclass(frozen=True, slots=True)
class App:
    """How to read the rows of an app.

    `name` is that of their workout, "" if it has none; `start` is when it began; `add` puts all the
    rest into the session. The last two raise BadCell.
    """

    format: Format
    name: Callable[[Row], str]
    start: Callable[[Row], datetime]
    add: Callable[[Row, Session], None]


def collect(table: Table, app: App, default_duration: int) -> ReadFile:
    """Reads the workouts of a table; `default_duration` is for those that do not say theirs."""
    file = ReadFile(app.format)
    for session in _sessions(table, app, file.problems):
        try:
            if session.whole:
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
            problems.append(Problem(row.line, row.message.removesuffix(".") + _LOST))
            neighbours.lost(None)
            continue
        name = app.name(row)
        try:
            start = app.start(row).replace(tzinfo=None)
        except BadCell as problem:
            problems.append(Problem(row.line, f"{problem}{_LOST}"))
            neighbours.lost(name)
            continue
        session = sessions.setdefault((start, name), Session(row.line, start, name))
        neighbours.found(session)
        try:
            _refuse_nul(row)
            app.add(row, session)
        except BadCell as problem:
            problems.append(Problem(row.line, f"{problem}, so its workout is left out."))
            session.whole = False
    return list(sessions.values())


class _Neighbours:
    """Leaves out the workouts before and after rows that may belong to them."""

    def __init__(self) -> None:
        self._before: Session | None = None
        self._lost: set[str | None] = set()

    def lost(self, name: str | None) -> None:
        """Takes a row whose workout cannot be told; None if not even its name can be."""
        if self._before and name in (None, self._before.name):
            self._before.whole = False
        self._lost.add(name)

    def found(self, session: Session) -> None:
        """Takes the session of the next row."""
        if self._lost & {None, session.name}:
            session.whole = False
        self._lost.clear()
        self._before = session


def _refuse_nul(row: Row) -> None:
    for index, cell in enumerate(row.cells):
        if "\0" in cell:
            raise BadCell(row.header.titles[index][:40], "it has a NUL character; remove it")


def _finished(session: Session, app: Format, default_duration: int) -> ReadWorkout:
    kind, whole_name = _type(session)
    notes = "\n".join(
        [
            *whole_name,
            *session.notes,
            *(line(name, exercise) for name, exercise in session.exercises.items()),
        ]
    )
    if len(notes) > MAX_NOTES_CHARACTERS:
        most = f"{MAX_NOTES_CHARACTERS:,}"
        raise BadCell("notes", f"with all sets they have {len(notes):,} characters, over {most}")
    workout = Workout(
        id_of(app, session.start.isoformat(), session.name),
        session.start.date(),
        kind,
        _minutes(session) or default_duration,
        notes,
    )
    return ReadWorkout(session.line, workout, duration_assumed=not session.seconds)


def _minutes(session: Session) -> int:
    """The length in minutes, rounded half up; 0 if the file says nothing."""
    if not session.seconds:
        return 0
    if session.seconds < 0:
        raise BadCell(session.length_title, "the workout ends before it starts")
    minutes = max(SHORTEST_MINUTES, (session.seconds + 30) // 60)
    if minutes > MAX_MINUTES:
        wrong = f"the workout is longer than {MAX_MINUTES:,} minutes, which is a week"
        raise BadCell(session.length_title, wrong)
    return minutes


def _type(session: Session) -> tuple[str, list[str]]:
    """The type of the workout; and, if that had to be cut, the first line of its notes."""
    whole = session.name or ", ".join(session.categories) or _UNNAMED
    if len(whole) <= MAX_TYPE_CHARACTERS:
        return whole, []
    between_categories = "" if session.name else whole[: MAX_TYPE_CHARACTERS + 2]
    cut = between_categories.rpartition(", ")[0] or whole[:MAX_TYPE_CHARACTERS]
    return cut, [whole]
