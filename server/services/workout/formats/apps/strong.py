"""Exports of Strong: one row per set, in several layouts, with or without units.

    Date,Workout Name,Duration,Exercise Name,Set Order,Weight,Reps,Distance,Seconds,Notes,…
    2021-03-01 18:02:11,"Push",1h 5m,"Bench Press (Barbell)",1,80.0,5,0,0,"","",8

Other layouts name the duration `Workout Duration` or `Duration (sec)`, use `;` and decimal commas,
and give units in columns (`Weight Unit`), in titles (`Weight (kg)`) or as titles (`lbs`). Beside a
`Duration Unit`, the duration is that of the set. 0 means not measured.
"""

import re
from collections.abc import Iterable
from functools import cache

from server.services.workout.formats.apps.session import Effort, Occasion, Part, effort
from server.services.workout.formats.apps.sessions import Mark, Reader, Readers, collect, moment
from server.services.workout.formats.apps.survey import survey
from server.services.workout.formats.cells.dates import Dates
from server.services.workout.formats.cells.durations import NotADuration, seconds_of
from server.services.workout.formats.cells.kinds import is_known, known_kind, warn_unknown
from server.services.workout.formats.cells.measures import Measures
from server.services.workout.formats.cells.numbers import Numbers
from server.services.workout.formats.cells.quantities import distances, settle_weights, weights
from server.services.workout.formats.cells.units import DISTANCES, WEIGHTS, spelling
from server.services.workout.formats.model import (
    BadCell,
    Format,
    ReadFile,
    ReadOptions,
    quoted,
)
from server.services.workout.formats.table import Header, Row, Table
from server.services.workout.formats.warnings import Warnings
from server.services.workout.model import Set

COLUMNS = ("date", "workout name", "exercise name", "set order")

_LENGTHS = ("duration", "workout duration", "duration (sec)")
_USED = (
    *("workout #", "workout name", "exercise name", "notes", "workout notes", "seconds"),
    *("weight unit", "distance unit", "duration unit", *_LENGTHS),
)
# Rows that are not sets.
_REMARKS = ("rest timer", "note")
_ORDER = re.compile(r"(\d{1,6})(?:[.,]0+)?")


def read(table: Table, options: ReadOptions) -> ReadFile:
    """Read a table that has Strong's columns."""
    return _Reader(table, options).read()


class _Reader:
    """A reader of one table."""

    def __init__(self, table: Table, options: ReadOptions) -> None:
        header = table.header
        self._table, self._options, self._warnings = table, options, Warnings()
        weight = weights(header, _titled_by_unit(header, "weight", WEIGHTS))
        distance = distances(header, _titled_by_unit(header, "distance", DISTANCES))
        self._survey = survey(
            table,
            dates=("date",),
            numbers=("reps", "rpe", "seconds"),
            indexes=distance.indexes,
            together=weight.indexes,
            order="set order",
            used=_USED,
        )
        self._numbers = Numbers(self._survey.numbers, table.delimiter)
        settle_weights(weight, self._survey.together, self._numbers, options)
        units = {unit for _, unit in weight.columns} | {one[-1] for one in self._survey.together}
        known = {WEIGHTS[spelling(unit)][0] for unit in units if spelling(unit) in WEIGHTS}
        if (known or {weight.default}) == {"lb"}:
            distance.settle("mi", "miles")
        else:
            distance.settle("km", "kilometres")
        self._dates = Dates(self._survey.dates)
        self._has_order = len(self._survey.orders) > 1
        self._efforts = cache(self._of_kind)
        self._remark = Mark(None, Reader(header, (), lambda _: Effort((), "", 0)))
        of_set = header.has(("duration", "duration unit"))
        self._lengths = [
            name
            for name in _LENGTHS
            if name in header.columns and not (of_set and name == "duration")
        ]
        if of_set and not self._lengths:
            self._warnings.add(
                "The file has durations of sets alone, so the length of each workout was assumed"
            )
        self._measures = Measures(
            *(header, self._numbers, self._warnings, weight, distance),
            times=("seconds", "duration") if of_set else ("seconds",),
            time_unit="duration unit" if of_set else "",
        )

    def read(self) -> ReadFile:
        """Return the contents of the table."""
        header = self._table.header
        of_workout = ("workout #", "date", "workout name", "workout notes", *self._lengths)
        readers = Readers(
            Reader(header, of_workout, self._occasion),
            Reader(header, ("exercise name", "notes"), self._part),
            Reader(header, ("set order",), self._mark),
        )
        return collect(
            *(self._table, Format.STRONG, readers),
            survey=self._survey,
            warnings=self._warnings,
            options=self._options,
        )

    def _occasion(self, row: Row) -> Occasion:
        return Occasion(
            moment(self._dates, row, "date"),
            row["workout name"],
            (row["workout #"],),
            self._length(row),
            row["workout notes"],
        )

    def _part(self, row: Row) -> Part:
        return Part(row["exercise name"], row["notes"])

    def _mark(self, row: Row) -> Mark:
        word = row["set order"]
        if number := _ORDER.fullmatch(word):
            return Mark(int(number[1]) if self._has_order else None, self._efforts(None, True))
        if word.lower() in _REMARKS:
            return self._remark
        return Mark(None, self._efforts(known_kind(word), is_known(word)))

    def _of_kind(self, kind: str | None, is_known: bool) -> Reader[Effort]:
        """Return the reader of sets of a kind, or of rows that may not be sets."""

        def read(row: Row) -> Effort:
            return effort(self._sets(row, kind, is_known=is_known), row.line, self._warnings)

        return Reader(self._table.header, self._measures.columns, read)

    def _sets(self, row: Row, kind: str | None, *, is_known: bool) -> tuple[Set, ...]:
        one = self._measures.read(row)
        if one is None:
            return ()
        title = row.header.title("set order")
        if not is_known and one._replace(duration=None) == Set():
            # A rest timer in another language.
            self._warnings.add(f"{title}: rows other than sets were left out", row.line)
            return ()
        if not is_known:
            warn_unknown(title, row.line, self._warnings)
        return (one._replace(kind=kind),)

    def _length(self, row: Row) -> int:
        for name in self._lengths:
            text = row[name]
            try:
                seconds = seconds_of(text, self._numbers)
            except NotADuration:
                raise BadCell(
                    row.header.title(name),
                    f"{quoted(text)} is not a duration such as 1h 5m or 3900",
                ) from None
            if seconds:
                return seconds
        return 0


def _titled_by_unit(header: Header, quantity: str, units: Iterable[str]) -> list[tuple[str, str]]:
    """Return the column whose title is a unit, as Strong wrote it in 2018."""
    if header.units(quantity):
        return []
    return [(name, name) for name in header.columns if spelling(name) in units]
