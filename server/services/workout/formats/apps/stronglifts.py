"""Exports of StrongLifts: one row per exercise, with its sets in pairs of columns.

    Date (yyyy/mm/dd),Workout,Workout Name,…,Exercise,…,Duration (hours),
    Start Time (h:mm),…,Notes,Set 1 (Reps),Set 1 (KG),Set 2 (Reps),Set 2 (KG),…

A date and a number in the column `Workout` are one workout. 0 repetitions are a set that was not
done, a weight of 0 was not measured. Titles differ between versions in brackets and spaces.
"""

import re
from dataclasses import replace
from itertools import zip_longest

from server.services.workout.formats.apps.session import Effort, Occasion, Part, effort
from server.services.workout.formats.apps.sessions import Mark, Reader, Readers, collect
from server.services.workout.formats.apps.survey import survey
from server.services.workout.formats.cells.dates import Dates, Moment
from server.services.workout.formats.cells.durations import (
    NotADuration,
    seconds_of,
    seconds_of_hours,
)
from server.services.workout.formats.cells.measures import whole
from server.services.workout.formats.cells.numbers import Numbers
from server.services.workout.formats.cells.quantities import Quantity, number
from server.services.workout.formats.cells.units import WEIGHTS, spelling
from server.services.workout.formats.model import (
    BadCell,
    Format,
    ReadFile,
    ReadOptions,
    quoted,
)
from server.services.workout.formats.table import Header, Row, Table
from server.services.workout.formats.warnings import Warnings
from server.services.workout.model import MAX_SECONDS, MAX_WEIGHT, Set

COLUMNS = ("date", "exercise", "set 1 reps")

_SINGLE = ("date", "duration", "start time")
_USED = ("workout", "workout name", "exercise", "sets time", "duration", "notes")
# The last of too many is not a time.
_MAX_TIMES = 1_000
# Two times 60s, or 60s/45s/-.
_EQUAL_TIMES = re.compile(r"(\d{1,3}) ?[x×*] ?(\S.*)", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")


def renamed(table: Table) -> Table:
    """Return the table with names of columns as COLUMNS has them: `set 1 reps`, `start time`."""
    names = tuple(map(_name, table.header.titles))
    return replace(table, header=Header(table.header.titles, names))


def _name(title: str) -> str:
    name = " ".join(_WORD.findall(title.lower().replace("×", " ")))
    # Sets x Time
    name = re.sub(r"^sets ?x ?", "sets ", name)
    return next((one for one in _SINGLE if name.startswith(f"{one} ")), name)


def read(table: Table, options: ReadOptions) -> ReadFile:
    """Read a table that `renamed` returned."""
    return _Reader(table, options).read()


class _Reader:
    """A reader of one table."""

    def __init__(self, table: Table, options: ReadOptions) -> None:
        self._table, self._options, self._warnings = table, options, Warnings()
        columns = table.header.columns
        self._sets = _sets(columns)
        indexes = {index for one in self._sets for index in one[:2]}
        names = list(columns)
        self._start = [columns[name] for name in ("date", "start time") if name in columns]
        self._survey = survey(
            table,
            dates=("date",),
            numbers=[name for name in names if columns[name] in indexes],
            together=self._start,
            used=(*_USED, "start time"),
        )
        self._numbers = Numbers(self._survey.numbers, table.delimiter)
        dates = [" ".join(one) for one in self._survey.together] or list(self._survey.dates)
        self._dates = Dates(dates)

    def read(self) -> ReadFile:
        """Return the contents of the table."""
        header = self._table.header
        names = list(header.columns)
        of_sets = [name for name in names if name.startswith(("set ", "sets "))]
        of_workout = ("date", "start time", "workout", "workout name", "duration")
        mark = Mark(None, Reader(header, of_sets, self._effort))
        readers = Readers(
            Reader(header, of_workout, self._occasion),
            Reader(header, ("exercise", "notes"), lambda row: Part(row["exercise"], row["notes"])),
            Reader(header, (), lambda _: mark),
        )
        return collect(
            *(self._table, Format.STRONGLIFTS, readers),
            survey=self._survey,
            warnings=self._warnings,
            options=self._options,
        )

    def _occasion(self, row: Row) -> Occasion:
        start, length = self._moment(row), self._length(row)
        return Occasion(start, row["workout name"], (row["workout"],), length)

    def _effort(self, row: Row) -> Effort:
        return effort(tuple(self._all_sets(row)), row.line, self._warnings)

    def _moment(self, row: Row) -> Moment:
        text = " ".join(row.cells[index].strip() for index in self._start)
        found = self._dates[text.strip()]
        if found is None:
            problem = f"{quoted(text)} is not a date such as 2026/05/04 6:05 PM"
            raise BadCell(row.header.title(self._start[0]), problem)
        return found

    def _length(self, row: Row) -> int:
        try:
            return seconds_of_hours(row["duration"], self._numbers)
        except NotADuration:
            problem = f"{quoted(row['duration'])} is not a duration such as 0.75 or 0:45"
            raise BadCell(row.header.title("duration"), problem) from None

    def _all_sets(self, row: Row) -> list[Set]:
        lifted = [self._lifted(row, *pair) for pair in self._sets]
        while lifted and lifted[-1] is None:
            lifted.pop()
        found: list[Set] = []
        for one, seconds in zip_longest(lifted, self._times(row)):
            if seconds is None:
                if one is not None:
                    found.append(one)
            else:
                # The repetitions of a set with a time are its seconds.
                weighed = (one or Set())._replace(reps=None, completed=None)
                found.append(
                    weighed._replace(duration=seconds)
                    if seconds
                    else weighed._replace(completed=False)
                )
        return found

    def _lifted(self, row: Row, reps_index: int, weight_index: int | None, unit: str) -> Set | None:
        reps = number(row, reps_index, self._numbers)
        weight: float | None = None
        if weight_index is not None:
            columns = Quantity(WEIGHTS, [(weight_index, unit)], None, -MAX_WEIGHT, MAX_WEIGHT, unit)
            weight = columns.read(row, self._numbers, self._warnings)[0] or None
        if reps is None and weight is None:
            return None
        return Set(
            reps=None if reps is None else whole(reps, row, reps_index),
            weight=weight,
            weight_unit=WEIGHTS[unit][0] if weight else None,
            completed=None if reps else False,
        )

    def _times(self, row: Row) -> list[int]:
        """Return the seconds of each set; 0 stands for a set that was not done."""
        text = row["sets time"]
        if not text:
            return []
        equal = _EQUAL_TIMES.fullmatch(text)
        count, parts = (int(equal[1]), [equal[2]]) if equal else (1, text.split("/", _MAX_TIMES))
        try:
            found = [
                0 if part.strip() == "-" else seconds_of(part, self._numbers) for part in parts
            ] * count
        except NotADuration:
            found = [-1]
        if not all(0 <= seconds <= MAX_SECONDS for seconds in found):
            problem = f"{quoted(text)} does not name times such as 2×60s"
            raise BadCell(row.header.title("sets time"), problem)
        return found


def _sets(columns: dict[str, int]) -> list[tuple[int, int | None, str]]:
    """Return the columns of the repetitions and the weight of each set, with its unit."""
    found: list[tuple[int, int | None, str]] = []
    for name, index in columns.items():
        if match := re.fullmatch(r"set (\d+) reps", name):
            units = [
                (columns[other], unit)
                for unit in ("kg", "kgs", "lb", "lbs")
                if (other := f"set {match[1]} {unit}") in columns
            ]
            weight, unit = units[0] if units else (None, "kg")
            found.append((index, weight, spelling(unit)))
    return found
