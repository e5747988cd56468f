"""Grouping rows of sets into workouts with exercises, shared by the formats of other apps.

A row that cannot be read costs only itself. Within a workout, rows of the same exercise that follow
one another are one exercise; the same exercise further down is another one.
"""

from collections.abc import Callable, Collection, Iterable
from operator import itemgetter
from typing import Generic, NamedTuple, TypeVar

from server.services.workout.formats.apps.finish import Finisher, ids_of
from server.services.workout.formats.apps.session import Effort, Occasion, Part, Session
from server.services.workout.formats.apps.survey import Survey
from server.services.workout.formats.cells.dates import Moment
from server.services.workout.formats.model import (
    BadCell,
    Format,
    Problem,
    Problems,
    ReadFile,
    ReadOptions,
    quoted,
)
from server.services.workout.formats.size import require_set_count
from server.services.workout.formats.table import Header, Row, Table
from server.services.workout.formats.warnings import Warnings

_MAX_CACHED = 20_000

T = TypeVar("T")


class Reader(Generic[T]):
    """A function of rows that depends on the columns `names` alone.

    Most rows of a file repeat others, so results are kept by `key`, the cells of those columns.
    """

    def __init__(self, header: Header, names: Iterable[str], make: Callable[[Row], T]) -> None:
        self._header, self._make = header, make
        indexes = dict.fromkeys(header.columns[one] for one in names if one in header.columns)
        # With two at least, the key is always a tuple.
        first, *others = indexes or (0,)
        self.key: Callable[[list[str]], tuple[str, ...]] = itemgetter(first, first, *others)
        self.found: dict[tuple[str, ...], T] = {}

    def read(self, line: int, cells: list[str]) -> T:
        """Return the result for a row, and keep it. Raises BadCell."""
        key = self.key(cells)
        if "\0" in "".join(key):
            index = next(index for index, cell in enumerate(cells) if "\0" in cell)
            raise BadCell(self._header.title(index), "must not contain a NUL character")
        result = self._make(Row(line, cells, self._header))
        if len(self.found) >= _MAX_CACHED:
            self.found.clear()
        self.found[key] = result
        return result


class Mark(NamedTuple):
    """The number of a row's set, and the reader of its measurements.

    `order` is its number within the exercise: one that is not greater than the one before begins
    another exercise.
    """

    order: int | None
    effort: Reader[Effort]


class Readers(NamedTuple):
    """Readers of what the rows of an app say about their workout, an exercise and sets."""

    occasion: Reader[Occasion]
    part: Reader[Part]
    mark: Reader[Mark]


def collect(
    table: Table,
    app: Format,
    readers: Readers,
    *,
    survey: Survey,
    warnings: Warnings,
    options: ReadOptions,
) -> ReadFile:
    """Read the workouts of a table."""
    file = ReadFile(app, columns_not_read=survey.not_read)
    sessions = _sessions(table, readers, file.problems)
    finisher = Finisher(app, options, warnings, ids_of(app, sessions))
    found = [finisher.finish(one) for one in sessions]
    found.sort(key=lambda pair: pair[0])
    file.workouts.extend(workout for _, workout in found)
    file.warnings.extend(warnings.sentences())
    return file


def _sessions(table: Table, readers: Readers, problems: Problems) -> Collection[Session]:
    occasions, parts, marks = readers
    sessions: dict[tuple[object, ...], Session] = {}
    last: tuple[Occasion | None, Session | None] = (None, None)
    sets = 0
    for line, cells in table.records():
        if isinstance(cells, str):
            problems.append(Problem(line, cells))
            continue
        try:
            # Looked up here, because a call for each of them would take half of the time.
            occasion = occasions.found.get(occasions.key(cells)) or occasions.read(line, cells)
            part = parts.found.get(parts.key(cells)) or parts.read(line, cells)
            order, efforts = marks.found.get(marks.key(cells)) or marks.read(line, cells)
            effort = efforts.found.get(efforts.key(cells)) or efforts.read(line, cells)
            sets += len(effort.sets)
            require_set_count(sets)
            before, session = last
            if session and occasion is before:
                session.add(part, effort, order)
                continue
            key = (occasion.start.wall, occasion.name, occasion.key)
            session = sessions.get(key) or Session(line, occasion)
            session.add(part, effort, order)
            session.note(occasion)
            sessions[key] = session
            last = (occasion, session)
        except BadCell as problem:
            problems.append(Problem(line, f"{problem}."))
    return sessions.values()


def moment(dates: dict[str, Moment | None], row: Row, name: str) -> Moment:
    """Return the date in a column. Raises BadCell."""
    text = row[name]
    found = dates[text]
    if found is None:
        problem = "is not a date such as 2024-01-15 18:30:00 or 15 Jan 2024, 18:30"
        raise BadCell(row.header.title(name), f"{quoted(text)} {problem}")
    return found
