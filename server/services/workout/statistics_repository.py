"""SQL of workout statistics, computed from the daily sums."""

import asyncio
import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID
from weakref import WeakValueDictionary

import asyncpg
from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Date,
    DateTime,
    Float,
    Integer,
    Numeric,
    Select,
    String,
    bindparam,
    cast,
    func,
    literal,
    literal_column,
    null,
    select,
    union_all,
)

from server.libraries.common.text import caseless
from server.libraries.database.pool import Database
from server.libraries.database.schema import workout_days, workouts
from server.libraries.database.statement import Statement
from server.services.workout.model import KILOGRAMS
from server.services.workout.page_statements import Filter

MAX_PERIODS = 1_000
MAX_TYPES = 100

Rows: TypeAlias = "Select[Any]"

# The days between the first day of a week and Monday, with which PostgreSQL's weeks begin.
DAYS_BEFORE_MONDAY = {"monday": 0, "sunday": 1}


@dataclass(frozen=True, slots=True)
class Sum:
    """A number of workouts, their total minutes, working sets, and volume in the unit asked for."""

    count: int
    minutes: int
    sets: int
    volume: float


@dataclass(frozen=True, slots=True)
class Stats:
    """Statistics of workouts: weeks and months by their first day, streaks in days."""

    total: Sum
    weeks: dict[dt.date, Sum]
    months: dict[dt.date, Sum]
    types: dict[str, Sum]
    current_streak: int
    longest_streak: int


def _statement(*, of_one_type: bool) -> Statement:
    """Return the query of rows (kind, start, type, and sums), each kind in its order."""
    days = _days(of_one_type=of_one_type)
    dates = _dates(days)
    rows = union_all(
        _total(dates),
        _periods(dates, "week"),
        _periods(dates, "month"),
        _types(days),
        *_streaks(dates),
    ).subquery("rows")
    return Statement(
        select(rows).order_by(rows.c.kind, rows.c.start, rows.c.count.desc(), rows.c.type)
    )


def _days(*, of_one_type: bool) -> CTE:
    conditions = [
        workout_days.c.user_id == bindparam("owner_id"),
        workout_days.c.date >= bindparam("start_date"),
        workout_days.c.date <= bindparam("end_date"),
    ]
    if of_one_type:
        conditions.append(workout_days.c.type_key == bindparam("type_key"))
    return select(workout_days).where(*conditions).cte("days")


def _dates(days: CTE) -> CTE:
    """Sum up the days over all types: fewer rows for the queries built on it."""
    sums = (func.sum(days.c[name]).label(name) for name in _SUMMED)
    return select(days.c.date, *sums).group_by(days.c.date).cte("dates")


_NO_DATE = cast(null(), Date)
_NO_TYPE = cast(null(), String)
_FIRST_DATE: ColumnElement[dt.date] = literal_column("date '0001-01-01'", Date)
_SUMMED = ("count", "minutes", "working_sets", "volume")


def _sums(rows: CTE) -> list[Any]:
    """Return exact sums. The volume is converted and rounded half up once, at the end."""
    volume = func.sum(rows.c.volume) / bindparam("kilograms", type_=Numeric)
    return [
        *(cast(func.sum(rows.c[name]), BigInteger).label(name) for name in _SUMMED[:-1]),
        cast(func.round(volume, 2), Float(53)).label("volume"),
    ]


def _sums_of(rows: Any) -> list[Any]:
    return [rows.c[name] for name in _SUMMED]


def _total(dates: CTE) -> Rows:
    names = (literal("total").label("kind"), _NO_DATE.label("start"), _NO_TYPE.label("type"))
    return select(*names, *_sums(dates))


def _periods(dates: CTE, unit: str) -> Rows:
    shift = bindparam("days_before_monday", type_=Integer) if unit == "week" else literal(0)
    # A timestamp without a zone, or the session's time zone would shift it.
    first = cast(func.date_trunc(unit, cast(dates.c.date + shift, DateTime)), Date) - shift
    # The first week of the calendar may begin before it.
    start = func.greatest(first, _FIRST_DATE, type_=Date)
    periods = (
        select(start.label("start"), *_sums(dates))
        .group_by(start)
        .order_by(start.desc())
        .limit(MAX_PERIODS)
        .subquery(f"{unit}s")
    )
    return select(literal(unit), periods.c.start, _NO_TYPE, *_sums_of(periods))


def _types(days: CTE) -> Rows:
    """Sum up the types, each spelt as in its newest workout."""
    sums = _sums(days)
    types = (
        select(days.c.type_key, *sums)
        .group_by(days.c.type_key)
        .order_by(sums[0].desc(), days.c.type_key)
        .limit(MAX_TYPES)
        .subquery("types")
    )
    spelling = (
        select(workouts.c.type)
        .where(workouts.c.user_id == bindparam("owner_id"), workouts.c.type_key == types.c.type_key)
        .order_by(workouts.c.date.desc(), workouts.c.created.desc(), workouts.c.id.desc())
        .limit(1)
        .correlate(types)
        .scalar_subquery()
    )
    return select(literal("type"), _NO_DATE, spelling, *_sums_of(types))


def _streaks(dates: CTE) -> tuple[Rows, Rows]:
    """Find the longest run of days, and the run that includes today or yesterday."""
    # Within a run, the date minus its row number is constant.
    number = cast(func.row_number().over(order_by=dates.c.date), Integer)
    numbered = select(dates.c.date, (dates.c.date - number).label("run")).subquery("numbered")
    runs = (
        select(func.min(numbered.c.date).label("first"), func.max(numbered.c.date).label("last"))
        .group_by(numbered.c.run)
        .cte("runs")
    )
    today = bindparam("today", type_=Date)
    longest = func.max(runs.c.last - runs.c.first + 1)
    current = func.max(func.least(runs.c.last, today) - runs.c.first + 1)
    reaches_today = (runs.c.first <= today, runs.c.last >= today - literal(1))
    nothing: list[Any] = [literal(0)] * (len(_SUMMED) - 1)
    return (
        select(literal("longest"), _NO_DATE, _NO_TYPE, cast(longest, BigInteger), *nothing),
        select(literal("current"), _NO_DATE, _NO_TYPE, cast(current, BigInteger), *nothing).where(
            *reaches_today
        ),
    )


_GET = _statement(of_one_type=False)
_GET_OF_TYPE = _statement(of_one_type=True)


class StatsRepository:
    """Repository of workout statistics."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # The query of a large diary holds a connection for seconds: one at a time for each owner.
        self._locks: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    async def get(
        self, owner_id: UUID, filters: Filter, today: dt.date, *, unit: str, week_start: str
    ) -> Stats:
        """Return the statistics of the filtered workouts of the owner.

        `unit` is a key of KILOGRAMS, `week_start` one of DAYS_BEFORE_MONDAY.
        At most the last MAX_PERIODS weeks and months, and the MAX_TYPES most frequent types.
        """
        async with self._locks.setdefault(owner_id, asyncio.Lock()):
            rows = await self._database.fetch(
                _GET_OF_TYPE if filters.type else _GET,
                owner_id=owner_id,
                start_date=filters.start_date,
                end_date=filters.end_date,
                type_key=caseless(filters.type),
                today=today,
                kilograms=KILOGRAMS[unit],
                days_before_monday=DAYS_BEFORE_MONDAY[week_start],
            )
        return _stats(rows)


def _stats(rows: list[asyncpg.Record]) -> Stats:
    by_kind: dict[str, list[asyncpg.Record]] = defaultdict(list)
    for row in rows:
        by_kind[row["kind"]].append(row)
    return Stats(
        total=_sum(by_kind["total"][0]),
        weeks={row["start"]: _sum(row) for row in by_kind["week"]},
        months={row["start"]: _sum(row) for row in by_kind["month"]},
        types={row["type"]: _sum(row) for row in by_kind["type"]},
        longest_streak=by_kind["longest"][0]["count"] or 0,
        current_streak=by_kind["current"][0]["count"] or 0,
    )


def _sum(row: asyncpg.Record) -> Sum:
    """Return the sum of a row. Without workouts, SQL's sums are NULL."""
    return Sum(*(row[name] or 0 for name in _SUMMED))
