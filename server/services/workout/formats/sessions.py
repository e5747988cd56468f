"""Grouping rows of sets into workouts with exercises, shared by the formats of other apps.

A row that cannot be read costs only itself. Within a workout, rows of the same exercise that follow
one another are one exercise; the same exercise further down is another one.
"""

from collections.abc import Callable

from server.services.workout.formats.dates import Moment
from server.services.workout.formats.finish import Finisher
from server.services.workout.formats.model import (
    BadCell,
    Format,
    Problem,
    ReadFile,
    ReadOptions,
    quoted,
)
from server.services.workout.formats.session import Entry, Session
from server.services.workout.formats.survey import Survey
from server.services.workout.formats.table import Row, Table
from server.services.workout.formats.warnings import Warnings
from server.services.workout.model import MAX_SET_NOTES_CHARACTERS


def collect(
    table: Table,
    app: Format,
    read: Callable[[Row], Entry],
    *,
    survey: Survey,
    warnings: Warnings,
    options: ReadOptions,
) -> ReadFile:
    """Read the workouts of a table; `read` returns the contents of a row or raises BadCell."""
    file = ReadFile(app, columns_not_read=survey.not_read)
    sessions: dict[tuple[object, ...], Session] = {}
    for row in table.rows:
        if isinstance(row, Problem):
            file.problems.append(row)
            continue
        try:
            _reject_nul(row)
            entry = _placed(read(row), row.line, warnings)
            key = (entry.start.wall, entry.name, entry.key)
            session = sessions.get(key)
            if session is None:
                session = Session(row.line, entry.start, entry.name, entry.key)
            session.add(entry)
            sessions[key] = session
        except BadCell as problem:
            file.problems.append(Problem(row.line, f"{problem}."))
    finisher = Finisher(app, options, warnings)
    found = [finisher.finish(session) for session in sessions.values()]
    found.sort(key=lambda pair: pair[0])
    file.workouts.extend(workout for _, workout in found)
    file.warnings.extend(warnings.sentences())
    return file


def moment(dates: dict[str, Moment | None], row: Row, name: str) -> Moment:
    """Return the date in a column. Raises BadCell."""
    text = row[name]
    found = dates[text]
    if found is None:
        problem = "is not a date such as 2024-01-15 18:30:00 or 15 Jan 2024, 18:30"
        raise BadCell(row.header.title(name), f"{quoted(text)} {problem}")
    return found


def _placed(entry: Entry, line: int, warnings: Warnings) -> Entry:
    """Return the entry with long notes of its sets among those of the exercise."""
    for index, one in enumerate(entry.sets):
        if len(one.notes) > MAX_SET_NOTES_CHARACTERS:
            warnings.add(
                f"Notes of sets over {MAX_SET_NOTES_CHARACTERS} characters were moved to the notes "
                "of the exercise",
                line,
            )
            notes = "\n".join(filter(None, (entry.exercise_notes, one.notes)))
            sets = (*entry.sets[:index], one._replace(notes=""), *entry.sets[index + 1 :])
            entry = entry._replace(sets=sets, exercise_notes=notes)
    return entry


def _reject_nul(row: Row) -> None:
    if "\0" in "".join(row.cells):
        index = next(index for index, cell in enumerate(row.cells) if "\0" in cell)
        raise BadCell(row.header.titles[index][:40], "must not contain a NUL character")
