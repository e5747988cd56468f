"""Exports of FitNotes: one row per set, in two layouts.

    Date,Exercise,Category,Weight (kgs),Reps,Distance,Distance Unit,Time,Comment
    2018-01-14,Flat Barbell Bench Press,Chest,100.0,5,,,,"good"

does not name workouts, so all sets of a day form one. Newer files have `Weight,Weight Unit`. An iOS
app of the same name has `Weight (kg),Weight (lbs)` and `Notes` instead. Another one names workouts:

    Name,StartTime,EndTime,BodyWeight,Exercise,Equipment,Reps,Weight,Time,Distance,Status,…
    Push,2025-02-23T10:13:53Z,2025-02-23T11:08:47Z,"94,0",Bench,Barbell,8,"60,0",,,Done,…

0 means not measured.
"""

from server.services.workout.formats.dates import Dates, Moment
from server.services.workout.formats.kinds import kind_of
from server.services.workout.formats.measures import Measures
from server.services.workout.formats.model import Format, ReadFile, ReadOptions
from server.services.workout.formats.numbers import Numbers
from server.services.workout.formats.quantities import distances, settle_weights, weights
from server.services.workout.formats.session import Entry
from server.services.workout.formats.sessions import collect, moment
from server.services.workout.formats.survey import survey
from server.services.workout.formats.table import Row, Table
from server.services.workout.formats.warnings import Warnings
from server.services.workout.model import Set

COLUMNS = ("date", "exercise", "category")
COLUMNS_WITH_NAMES = ("name", "starttime", "exercise")

_USED = ("exercise", "category", "time", "comment", "notes")
_USED_WITH_NAMES = (
    *("name", "exercise", "equipment", "time", "status", "iswarmup", "note", "bodyweight"),
)


def read(table: Table, options: ReadOptions) -> ReadFile:
    """Read a table that has the columns of one of the layouts."""
    if table.header.has(COLUMNS_WITH_NAMES):
        return _read(table, options, ("starttime", "endtime"), _USED_WITH_NAMES)
    return _read(table, options, ("date",), _USED)


def _read(
    table: Table, options: ReadOptions, dates_of: tuple[str, ...], used: tuple[str, ...]
) -> ReadFile:
    header, warnings = table.header, Warnings()
    weight, distance = weights(header), distances(header)
    names = list(header.columns)
    found = survey(
        table,
        dates=dates_of,
        numbers=("reps", "rpe", "rir", *(names[index] for index in distance.indexes)),
        together=weight.indexes,
        used=used,
    )
    numbers = Numbers(found.numbers, table.delimiter)
    settle_weights(weight, found.together, numbers, options)
    distance.settle("m", "metres")
    dates = Dates(found.dates)
    measures = Measures(header, numbers, warnings, weight, distance, times=("time",))

    def entry(row: Row) -> Entry:
        start = moment(dates, row, dates_of[0])
        one = measures.read(row)
        if len(dates_of) == 1:
            return _of_day(row, start, one)
        end = moment(dates, row, "endtime") if row["endtime"] else start
        return _named(row, start, end, one, warnings)

    return collect(table, Format.FITNOTES, entry, survey=found, warnings=warnings, options=options)


def _of_day(row: Row, start: Moment, one: Set | None) -> Entry:
    notes = "\n".join(filter(None, (row["comment"], row["notes"])))
    day = Moment(start.wall.replace(hour=0, minute=0, second=0), has_time=False)
    return Entry(
        day,
        "",
        row["exercise"],
        _sets(one, None, None, notes),
        category=row["category"],
        exercise_notes="" if one else notes,
    )


def _named(row: Row, start: Moment, end: Moment, one: Set | None, warnings: Warnings) -> Entry:
    header = row.header
    is_warmup = row["iswarmup"].lower() == "true"
    state = row["status"].lower()
    is_done = state not in ("notstarted", "skipped")
    word = "warmup" if is_warmup else state if is_done and state != "done" else ""
    kind = kind_of(word, header.title("status"), row.line, warnings)
    equipment = row["equipment"] and f" ({row['equipment']})"
    body_weight = row["bodyweight"]
    return Entry(
        start,
        row["name"],
        row["exercise"] + equipment,
        _sets(one, kind, None if is_done else False, row["note"]),
        key=(end.wall.isoformat(),),
        seconds=start.seconds_until(end),
        notes=f"Body weight: {body_weight}" if body_weight.strip("0.,") else "",
        exercise_notes="" if one else row["note"],
    )


def _sets(one: Set | None, kind: str | None, completed: bool | None, notes: str) -> tuple[Set, ...]:
    if one is None:
        return ()
    if kind or notes or completed is not None:
        one = one._replace(kind=kind, completed=completed, notes=notes)
    return (one,)
