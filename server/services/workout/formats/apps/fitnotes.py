"""Exports of FitNotes: one row per set, in two layouts.

    Date,Exercise,Category,Weight (kgs),Reps,Distance,Distance Unit,Time,Comment
    2018-01-14,Flat Barbell Bench Press,Chest,100.0,5,,,,"good"

does not name workouts, so all sets of a day form one. Newer files have `Weight,Weight Unit`. An iOS
app of the same name has `Weight (kg),Weight (lbs)` and `Notes` instead. Another one names workouts:

    Name,StartTime,EndTime,BodyWeight,Exercise,Equipment,Reps,Weight,Time,Distance,Status,…
    Push,2025-02-23T10:13:53Z,2025-02-23T11:08:47Z,"94,0",Bench,Barbell,8,"60,0",,,Done,…

0 means not measured.
"""

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

COLUMNS = ("date", "exercise", "category")
COLUMNS_WITH_NAMES = ("name", "starttime", "exercise")

_OF_DAY = ("date", "category")
_OF_NAMED = ("name", "starttime", "endtime", "bodyweight")
_OF_SET = ("comment", "notes", "note", "status", "iswarmup")
_USED = (*_OF_DAY, "exercise", "time", "comment", "notes")
_USED_WITH_NAMES = (*_OF_NAMED, "exercise", "equipment", "time", "status", "iswarmup", "note")


def read(table: Table, options: ReadOptions) -> ReadFile:
    """Read a table that has the columns of one of the layouts."""
    return _Reader(table, options).read()


class _Reader:
    """A reader of one table."""

    def __init__(self, table: Table, options: ReadOptions) -> None:
        header = table.header
        self._table, self._options, self._warnings = table, options, Warnings()
        self._is_named = header.has(COLUMNS_WITH_NAMES)
        weight, distance = weights(header), distances(header)
        self._survey = survey(
            table,
            dates=("starttime", "endtime") if self._is_named else ("date",),
            numbers=("reps", "rpe", "rir"),
            indexes=distance.indexes,
            together=weight.indexes,
            used=_USED_WITH_NAMES if self._is_named else _USED,
        )
        numbers = Numbers(self._survey.numbers, table.delimiter)
        settle_weights(weight, self._survey.together, numbers, options)
        distance.settle("m", "metres")
        self._dates = Dates(self._survey.dates)
        self._measures = Measures(
            *(header, numbers, self._warnings, weight, distance), times=("time",)
        )

    def read(self) -> ReadFile:
        """Return the contents of the table."""
        header = self._table.header
        mark = Mark(None, Reader(header, (*_OF_SET, *self._measures.columns), self._effort))
        readers = Readers(
            Reader(header, _OF_NAMED, self._named)
            if self._is_named
            else Reader(header, _OF_DAY, self._of_day),
            Reader(header, ("exercise", "equipment"), _part),
            Reader(header, (), lambda _: mark),
        )
        return collect(
            *(self._table, Format.FITNOTES, readers),
            survey=self._survey,
            warnings=self._warnings,
            options=self._options,
        )

    def _of_day(self, row: Row) -> Occasion:
        day = moment(self._dates, row, "date").wall.replace(hour=0, minute=0, second=0)
        return Occasion(Moment(day, has_time=False), "", category=row["category"])

    def _named(self, row: Row) -> Occasion:
        start = moment(self._dates, row, "starttime")
        end = moment(self._dates, row, "endtime") if row["endtime"] else start
        weight = row["bodyweight"]
        return Occasion(
            start,
            row["name"],
            (end.wall.isoformat(),),
            start.seconds_until(end),
            notes=f"Body weight: {weight}" if weight.strip("0.,") else "",
        )

    def _effort(self, row: Row) -> Effort:
        one = self._measures.read(row)
        notes = "\n".join(filter(None, (row["comment"], row["notes"], row["note"])))
        kind, completed = _state(row, self._warnings) if self._is_named else (None, None)
        if one is None:
            return effort((), row.line, self._warnings, notes)
        one = one._replace(kind=kind, completed=completed, notes=notes)
        return effort((one,), row.line, self._warnings)


def _part(row: Row) -> Part:
    return Part(row["exercise"] + (row["equipment"] and f" ({row['equipment']})"))


def _state(row: Row, warnings: Warnings) -> tuple[str | None, bool | None]:
    """Return the kind of a set, and False if it was not done."""
    state = row["status"].lower()
    is_done = state not in ("notstarted", "skipped")
    word = state if is_done and state != "done" else ""
    if row["iswarmup"].lower() == "true":
        word = "warmup"
    kind = kind_of(word, row.header.title("status"), row.line, warnings)
    return kind, None if is_done else False
