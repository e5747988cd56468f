"""Exports of Hevy: one row per set, units in the column titles.

    title,start_time,end_time,description,exercise_title,superset_id,exercise_notes,set_index,…
    "Push","15 Jan 2024, 18:30","15 Jan 2024, 19:35","","Bench Press (Barbell)",,"",0,"normal",…

Times have the phone's format and language: `15 Jan 2024, 18:30`, `Jan 15, 2024, 6:30 PM`,
`3 févr. 2025, 18:00` or `2024-01-15 18:30:00`. An empty cell means not measured.
"""

from server.services.workout.formats.dates import Dates
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
from server.services.workout.model import MAX_SUPERSET

COLUMNS = ("title", "start_time", "exercise_title")

_TIMES = ("duration_seconds",)
_USED = (
    *("title", "description", "exercise_title", "superset_id", "exercise_notes", "set_type"),
    *_TIMES,
)


def read(table: Table, options: ReadOptions) -> ReadFile:
    """Read a table that has Hevy's columns."""
    header, warnings = table.header, Warnings()
    weight, distance = weights(header), distances(header)
    names = list(header.columns)
    found = survey(
        table,
        dates=("start_time", "end_time"),
        numbers=("reps", "rpe", *_TIMES, *(names[index] for index in distance.indexes)),
        together=weight.indexes,
        order="set_index",
        used=_USED,
    )
    numbers = Numbers(found.numbers, table.delimiter)
    settle_weights(weight, found.together, numbers, options)
    distance.settle("km", "kilometres")
    dates = Dates(found.dates)
    measures = Measures(header, numbers, warnings, weight, distance, times=_TIMES, keeps_zero=True)
    has_order = len(found.orders) > 1

    def entry(row: Row) -> Entry:
        start = moment(dates, row, "start_time")
        end = moment(dates, row, "end_time") if row["end_time"] else start
        one = measures.read(row)
        kind = kind_of(row["set_type"], header.title("set_type"), row.line, warnings)
        order = row["set_index"]
        return Entry(
            start,
            row["title"],
            row["exercise_title"],
            () if one is None else (one._replace(kind=kind) if kind else one,),
            key=(end.wall.isoformat(), row["description"]),
            seconds=start.seconds_until(end),
            notes=row["description"],
            exercise_notes=row["exercise_notes"],
            superset=_superset(row, warnings),
            order=int(order) if has_order and order.isdecimal() else None,
            is_noted_alike=True,
        )

    return collect(table, Format.HEVY, entry, survey=found, warnings=warnings, options=options)


def _superset(row: Row, warnings: Warnings) -> int | None:
    text = row["superset_id"]
    if not text:
        return None
    if text.isdecimal() and len(text) < 9 and int(text) <= MAX_SUPERSET:
        return int(text)
    warnings.add(f"superset_id: supersets other than 0 to {MAX_SUPERSET} were left out", row.line)
    return None
