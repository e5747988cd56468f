"""Our CSV: the exports of `write.py` with a row for each set, and simpler files written by hand.

    id,date,type,duration,notes,start_time,source,create_time,exercise,…
    0b5c…,2024-02-29,Legs,45,"Slow, in the rain",2024-02-29T18:30:00+01:00,,…,Squat,…

Only `date`, `type` and a duration are required. The duration is in minutes, unless its column is
`duration_seconds`. Rows of one id are one workout. Without ids, rows of the same date, type,
duration and start that follow one another are one if each names an exercise.
"""

import datetime as dt
from dataclasses import dataclass, field
from uuid import UUID

from server.libraries.common.text import uuid_in
from server.services.workout.formats.cells.guard import unguarded
from server.services.workout.formats.model import (
    ASSUMED_KILOGRAMS,
    SOURCES,
    BadCell,
    Format,
    Problem,
    ReadFile,
    ReadOptions,
    quoted,
)
from server.services.workout.formats.own.csv_sets import Exercises, SetReader, add_notes, cells_of
from server.services.workout.formats.own.entries import (
    MINUTES,
    SECONDS,
    Entry,
    settle,
    whole_duration,
)
from server.services.workout.formats.own.write import EXERCISE_COLUMNS, SET_COLUMNS, WORKOUT_COLUMNS
from server.services.workout.formats.table import Header, Row, Table
from server.services.workout.formats.unread import UnreadColumns
from server.services.workout.formats.values import date, instant, name, time
from server.services.workout.model import MAX_NOTES_CHARACTERS, MAX_TYPE_CHARACTERS

# The names of the column of durations, and their units; "" if it does not say.
_DURATIONS = {"duration": "", "duration_minutes": MINUTES, "duration_seconds": SECONDS}
# A file has one of these.
LAYOUTS = tuple(("date", "type", duration) for duration in _DURATIONS)
COLUMNS = LAYOUTS[0]


@dataclass(slots=True)
class _Draft:
    """A workout while its rows are read. `key` has the cells that all its rows share."""

    line: int
    id: UUID | None
    key: tuple[str, ...]
    date: dt.date
    type: str
    duration: int | None
    start_time: str
    source: str
    created: dt.datetime | None
    notes: dict[str, None] = field(default_factory=dict)
    exercises: Exercises = field(default_factory=Exercises)
    # The rows without a problem. A workout without any is not imported.
    rows: int = 0


def read(table: Table, options: ReadOptions) -> ReadFile:
    """Read a table that has the columns of one of LAYOUTS. Raises UnreadableFile."""
    file = ReadFile(Format.GYMLOCKER)
    reader = _Reader(table.header, options, file)
    unread = UnreadColumns(table.header, reader.columns)
    for row in table.rows:
        if isinstance(row, Problem):
            file.problems.append(row)
            continue
        unread.see(row)
        try:
            reader.add(row)
        except BadCell as problem:
            file.problems.append(Problem(row.line, f"{problem}."))
    file.columns_not_read.extend(unread.titles)
    file.warnings.extend(reader.warnings())
    settle(file, reader.entries(), options, reader.unit)
    return file


class _Reader:
    """Reader of rows into workouts."""

    def __init__(self, header: Header, options: ReadOptions, file: ReadFile) -> None:
        self._header = header
        self._file = file
        self._duration = next(column for column in _DURATIONS if column in header.columns)
        self.unit = _DURATIONS[self._duration]
        # The columns in which all rows of a workout are equal.
        self._key = ("date", "type", self._duration, "start_time")
        self._shared = cells_of(header, ("id", *self._key))
        self._named = cells_of(header, ("exercise", "superset", "exercise_number"))
        self._has_exercises = "exercise" in header.columns
        self._sets = SetReader(header, options)
        self._drafts: list[_Draft] = []
        self._by_id: dict[UUID, _Draft] = {}
        # The workout of the last row that named an exercise, which the next row may continue.
        self._open: _Draft | None = None
        self._open_cells: tuple[str, ...] = ()
        self._unknown_source = ""

    @property
    def columns(self) -> set[str]:
        """Return the columns that are read."""
        exercises = (*EXERCISE_COLUMNS, *SET_COLUMNS) if self._has_exercises else ()
        return {*WORKOUT_COLUMNS, *exercises, self._duration}

    def add(self, row: Row) -> None:
        """Add a row. Raises BadCell."""
        named = self._named(row.cells) if self._has_exercises else ("",)
        names_exercise = not named[0].isspace() and named[0] != ""
        draft = self._draft(row, names_exercise)
        # First, so that a bad set does not cost the notes of its workout.
        add_notes(row, "notes", draft.notes, MAX_NOTES_CHARACTERS)
        one = self._sets.read(row) if self._has_exercises else None
        if names_exercise:
            draft.exercises.add(row, named, one)
        elif one:
            raise BadCell(self._header.title("exercise"), "must not be empty in the row of a set")
        draft.rows += 1

    def entries(self) -> list[Entry]:
        """Return the workouts of all rows."""
        return [
            Entry(
                draft.line,
                draft.id,
                draft.date,
                draft.type,
                draft.duration,
                self._header.title(self._duration),
                "\n".join(draft.notes),
                draft.start_time,
                draft.exercises.all(),
                draft.source,
                draft.created,
            )
            for draft in self._drafts
            if draft.rows
        ]

    def warnings(self) -> list[str]:
        """Return sentences about values that were assumed."""
        found = []
        if self._sets.has_assumed_unit:
            found.append(f"{ASSUMED_KILOGRAMS}.")
        if self._unknown_source:
            found.append(
                f"source: {quoted(self._unknown_source)} is not one of our sources; these workouts "
                "have the source gymlocker."
            )
        return found

    def _draft(self, row: Row, names_exercise: bool) -> _Draft:
        """Return the workout of a row, which may be a new one."""
        shared = self._shared(row.cells)
        if self._open and names_exercise and shared == self._open_cells:
            return self._open
        given = self._id(row)
        key = tuple(map(str.strip, shared[1:]))
        draft = self._by_id.get(given) if given else None
        if draft:
            self._require_same(draft, key)
        else:
            draft = self._new(row, given, key)
            self._drafts.append(draft)
            if given:
                self._by_id[given] = draft
        self._open, self._open_cells = (draft, shared) if names_exercise else (None, ())
        return draft

    def _require_same(self, known: _Draft, key: tuple[str, ...]) -> None:
        title = self._header.title
        if not self._has_exercises:
            raise BadCell(title("id"), f"must be unique; line {known.line} has it, too")
        for column, value, expected in zip(self._key, key, known.key, strict=True):
            if value != expected:
                problem = f"must be as in line {known.line}, which has the same id"
                raise BadCell(title(column), problem)

    def _new(self, row: Row, given: UUID | None, key: tuple[str, ...]) -> _Draft:
        title = self._header.title
        start_time = row["start_time"]
        if start_time:
            time(title("start_time"), start_time)
        return _Draft(
            row.line,
            given,
            key,
            date(title("date"), row["date"]),
            name(title("type"), unguarded(row["type"]), MAX_TYPE_CHARACTERS),
            whole_duration(title(self._duration), row[self._duration], self.unit),
            start_time,
            self._source(row),
            instant(title("create_time"), row["create_time"]) if row["create_time"] else None,
        )

    def _id(self, row: Row) -> UUID | None:
        if not row["id"]:
            return None
        if found := uuid_in(row["id"]):
            return found
        problem = f"{quoted(row['id'])} is not a UUID with hyphens"
        raise BadCell(self._header.title("id"), problem)

    def _source(self, row: Row) -> str:
        """Return the source of a workout: of a file without such a column, our own format."""
        source = row["source"].lower()
        if "source" not in self._header.columns:
            return Format.GYMLOCKER.value
        if source in SOURCES:
            return source
        self._unknown_source = self._unknown_source or row["source"]
        return Format.GYMLOCKER.value
