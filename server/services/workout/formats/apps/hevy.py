"""Exports of Hevy: one row per set, units in the column titles.

    title,start_time,end_time,description,exercise_title,superset_id,exercise_notes,set_index,…
    "Push","15 Jan 2024, 18:30","15 Jan 2024, 19:35","","Bench Press (Barbell)",,"",0,"normal",…

Times have the phone's format and language: `15 Jan 2024, 18:30`, `Jan 15, 2024, 6:30 PM`,
`3 févr. 2025, 18:00` or `2024-01-15 18:30:00`. An empty cell means not measured.
"""

from functools import cache, partial

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
    header, warnings = table.header, Warnings()
    weight, distance = weights(header), distances(header)
    found = survey(
        table,
        dates=("start_time", "end_time"),
        numbers=("reps", "rpe", *_TIMES),
        indexes=distance.indexes,
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

    described: dict[tuple[Moment, Moment, str], str] = {}

    def occasion(row: Row) -> Occasion:
        start = moment(dates, row, "start_time")
        end = moment(dates, row, "end_time") if row["end_time"] else start
        # A row without one belongs to the workout before.
        key = (start, end, row["title"])
        notes = described[key] = row["description"] or described.get(key, "")
        seconds = start.seconds_until(end)
        return Occasion(start, row["title"], (end.wall.isoformat(), notes), seconds, notes)

    def part(row: Row) -> Part:
        superset = _superset(row["superset_id"], row.line, warnings)
        return Part(row["exercise_title"], row["exercise_notes"], superset, has_fixed_notes=True)

    def sets(kind: str | None, row: Row) -> Effort:
        one = measures.read(row)
        return effort((one._replace(kind=kind),) if one else (), row.line, warnings)

    @cache
    def of_kind(kind: str | None) -> Reader[Effort]:
        return Reader(header, measures.columns, partial(sets, kind))

    def mark(row: Row) -> Mark:
        order = row["set_index"]
        number = int(order) if has_order and order.isdecimal() and len(order) < 9 else None
        kind = kind_of(row["set_type"], header.title("set_type"), row.line, warnings)
        return Mark(number, of_kind(kind))

    readers = Readers(
        Reader(header, _OF_WORKOUT, occasion),
        Reader(header, _OF_EXERCISE, part),
        Reader(header, _OF_SET, mark),
    )
    return collect(*(table, Format.HEVY, readers), survey=found, warnings=warnings, options=options)


def _superset(text: str, line: int, warnings: Warnings) -> int | None:
    if not text:
        return None
    if text.isdecimal() and len(text) < 9 and int(text) <= MAX_SUPERSET:
        return int(text)
    warnings.add(f"superset_id: supersets other than 0 to {MAX_SUPERSET} were left out", line)
    return None
