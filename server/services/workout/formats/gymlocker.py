"""The format of our exports: one row per workout, as written by `write.py`.

    id,date,type,duration,notes
    0b5c…,2024-02-29,Run,45,"Slow, in the rain"

`id` and `notes` may be missing, as columns or in a row.
"""

import datetime as dt
import re
from collections import Counter
from uuid import UUID

from server.libraries.common.text import uuid_in
from server.services.workout.formats.guard import unguarded
from server.services.workout.formats.identity import id_of
from server.services.workout.formats.model import (
    BadCell,
    Format,
    Problem,
    ReadFile,
    ReadWorkout,
    quoted,
)
from server.services.workout.formats.table import Row, Table
from server.services.workout.model import (
    MAX_MINUTES,
    MAX_NOTES_CHARACTERS,
    MAX_TYPE_CHARACTERS,
    MIN_MINUTES,
    Workout,
)

COLUMNS = ("date", "type", "duration")

# fromisoformat alone would also accept 20240229 and 2024-W09-4.
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MINUTES = re.compile(r"[0-9]{1,9}")

_Contents = tuple[dt.date, str, int, str]


def read(table: Table) -> ReadFile:
    """Read a table that has our columns."""
    file = ReadFile(Format.GYMLOCKER)
    lines: dict[UUID, int] = {}
    equal: Counter[_Contents] = Counter()
    for row in table.rows:
        if isinstance(row, Problem):
            file.problems.append(row)
            continue
        try:
            workout = _workout(row, equal)
            if (first := lines.setdefault(workout.id, row.line)) != row.line:
                raise BadCell(row.header.title("id"), f"must be unique; line {first} has it, too")
        except BadCell as problem:
            file.problems.append(Problem(row.line, f"{problem}."))
        else:
            file.workouts.append(ReadWorkout(row.line, workout, duration_assumed=False))
    return file


def _workout(row: Row, equal: Counter[_Contents]) -> Workout:
    """Return the workout of a row; `equal` counts the rows without an id so far by contents."""
    given = _id(row)
    contents = (_date(row), _type(row), _duration(row), _notes(row))
    if given is None:
        date, kind, duration, notes = contents
        given = id_of(Format.GYMLOCKER, date.isoformat(), kind, duration, notes, equal[contents])
        equal[contents] += 1
    return Workout(given, *contents)


def _id(row: Row) -> UUID | None:
    text = row["id"]
    if not text:
        return None
    found = uuid_in(text)
    if found is None:
        raise BadCell(row.header.title("id"), f"{quoted(text)} is not a UUID with hyphens")
    return found


def _date(row: Row) -> dt.date:
    text = row["date"]
    try:
        if _DATE.fullmatch(text):
            return dt.date.fromisoformat(text)
    except ValueError:
        pass
    problem = f"{quoted(text)} is not an existing date in the form YYYY-MM-DD"
    raise BadCell(row.header.title("date"), problem)


def _duration(row: Row) -> int:
    text = row["duration"]
    minutes = int(text) if _MINUTES.fullmatch(text) else 0
    if not MIN_MINUTES <= minutes <= MAX_MINUTES:
        limits = f"{MIN_MINUTES} to {MAX_MINUTES:,}"
        problem = f"{quoted(text)} is not a whole number of minutes from {limits}"
        raise BadCell(row.header.title("duration"), problem)
    return minutes


def _type(row: Row) -> str:
    text = _text(row, "type", MAX_TYPE_CHARACTERS).strip()
    if not text:
        raise BadCell(row.header.title("type"), "must not be empty")
    return text


def _notes(row: Row) -> str:
    return _text(row, "notes", MAX_NOTES_CHARACTERS) if "notes" in row.header.columns else ""


def _text(row: Row, name: str, max_length: int) -> str:
    """Return the cell of a column as typed, with its spaces, without the guard of an export."""
    text = unguarded(row.cells[row.header.columns[name]])
    if len(text) > max_length:
        problem = f"must have at most {max_length:,} characters, not {len(text):,}"
        raise BadCell(row.header.title(name), problem)
    if "\0" in text:
        raise BadCell(row.header.title(name), "must not contain a NUL character")
    return text
