"""Exports of Hevy: one row per set, units in the column titles.

    title,start_time,end_time,description,exercise_title,superset_id,exercise_notes,set_index,…
    "Push","15 Jan 2024, 18:30","15 Jan 2024, 19:35","","Bench Press (Barbell)",,"",0,"normal",…

Times have the phone's format and language: `15 Jan 2024, 18:30`, `Jan 15, 2024, 6:30 PM`,
`3 févr. 2025, 18:00` or `2024-01-15 18:30:00`. An empty cell means not measured.
"""

from functools import cache

from server.services.workout.formats.apps.session import Effort, Occasion, Part, effort
from server.services.workout.formats.apps.sessions import Mark, Reader, Readers, collect, moment
from server.services.workout.formats.apps.survey import survey
from server.services.workout.formats.cells.dates import Dates, Moment
from server.services.workout.formats.cells.kinds import kind_of
from server.services.workout.formats.cells.measures import Measures
from server.services.workout.formats.cells.numbers import Numbers
from server.services.workout.formats.cells.quantities import distances, settle_weights, weights
from server.services.workout.formats.model import Format, ReadFile, ReadOptions
from server.services.workout.formats.table import Row, Table
from server.services.workout.formats.warnings import Warnings
from server.services.workout.model import MAX_SUPERSET

COLUMNS = ("title", "start_time", "exercise_title")

_TIMES = ("duration_seconds",)
_OF_WORKOUT = ("title", "start_time", "end_time", "description")
_OF_EXERCISE = ("exercise_title", "exercise_notes", "superset_id")
_OF_SET = ("set_index", "set_type")
_USED = (*_OF_WORKOUT, *_OF_EXERCISE, *_OF_SET, *_TIMES)


def read(table: Table, options: ReadOptions) -> ReadFile:
    """Read a table that has Hevy's columns."""
    return _Reader(table, options).read()


class _Reader:
    """A reader of one table."""

    def __init__(self, table: Table, options: ReadOptions) -> None:
        header = table.header
        self._table, self._options, self._warnings = table, options, Warnings()
        weight, distance = weights(header), distances(header)
        self._survey = survey(
            table,
            dates=("start_time", "end_time"),
            numbers=("reps", "rpe", *_TIMES),
            indexes=distance.indexes,
            together=weight.indexes,
            order="set_index",
            used=_USED,
        )
        numbers = Numbers(self._survey.numbers, table.delimiter)
        settle_weights(weight, self._survey.together, numbers, options)
        distance.settle("km", "kilometres")
        self._dates = Dates(self._survey.dates)
        self._measures = Measures(
            *(header, numbers, self._warnings, weight, distance), times=_TIMES, keeps_zero=True
        )
        self._has_order = len(self._survey.orders) > 1
        self._efforts = cache(self._of_kind)
        # The last description of each workout.
        self._described: dict[tuple[Moment, Moment, str], str] = {}

    def read(self) -> ReadFile:
        """Return the contents of the table."""
        header = self._table.header
        readers = Readers(
            Reader(header, _OF_WORKOUT, self._occasion),
            Reader(header, _OF_EXERCISE, self._part),
            Reader(header, _OF_SET, self._mark),
        )
        return collect(
            *(self._table, Format.HEVY, readers),
            survey=self._survey,
            warnings=self._warnings,
            options=self._options,
        )

    def _occasion(self, row: Row) -> Occasion:
        start = moment(self._dates, row, "start_time")
        end = moment(self._dates, row, "end_time") if row["end_time"] else start
        # A row without a description belongs to the workout before.
        key = (start, end, row["title"])
        notes = self._described[key] = row["description"] or self._described.get(key, "")
        seconds = start.seconds_until(end)
        return Occasion(start, row["title"], (end.wall.isoformat(), notes), seconds, notes)

    def _part(self, row: Row) -> Part:
        superset = _superset(row["superset_id"], row.line, self._warnings)
        return Part(row["exercise_title"], row["exercise_notes"], superset, has_fixed_notes=True)

    def _mark(self, row: Row) -> Mark:
        order = row["set_index"]
        is_order = self._has_order and order.isdecimal() and len(order) < 9
        title = row.header.title("set_type")
        kind = kind_of(row["set_type"], title, row.line, self._warnings)
        return Mark(int(order) if is_order else None, self._efforts(kind))

    def _of_kind(self, kind: str | None) -> Reader[Effort]:
        """Return the reader of sets of a kind."""

        def read(row: Row) -> Effort:
            one = self._measures.read(row)
            return effort((one._replace(kind=kind),) if one else (), row.line, self._warnings)

        return Reader(self._table.header, self._measures.columns, read)


def _superset(text: str, line: int, warnings: Warnings) -> int | None:
    if not text:
        return None
    if text.isdecimal() and len(text) < 9 and int(text) <= MAX_SUPERSET:
        return int(text)
    warnings.add(f"superset_id: supersets other than 0 to {MAX_SUPERSET} were left out", line)
    return None
