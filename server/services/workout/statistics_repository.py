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
    Date,
    DateTime,
    Integer,
    Select,
    String,
    bindparam,
    cast,
    func,
    literal,
    null,
    select,
    union_all,
)

from server.libraries.common.text import caseless
from server.libraries.database.pool import Database
from server.libraries.database.schema import workout_days, workouts
from server.libraries.database.statement import Statement
from server.services.workout.repository import Filter

MAX_PERIODS = 1_000
MAX_TYPES = 100

Rows: TypeAlias = "Select[Any, Any, Any, Any, Any]"


@dataclass(frozen=True, slots=True)
class Sum:
    """A number of workouts and their total minutes."""

    count: int
    minutes: int


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
    """Return the query of rows (kind, start, type, count, minutes), each kind in its order."""
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
    sums = (func.sum(days.c.count).label("count"), func.sum(days.c.minutes).label("minutes"))
    return select(days.c.date, *sums).group_by(days.c.date).cte("dates")


_NO_DATE = cast(null(), Date)
_NO_TYPE = cast(null(), String)


def _sums(rows: CTE) -> tuple[Any, Any]:
    return (
        cast(func.sum(rows.c.count), BigInteger).label("count"),
        cast(func.sum(rows.c.minutes), BigInteger).label("minutes"),
    )


def _total(dates: CTE) -> Rows:
    names = (literal("total").label("kind"), _NO_DATE.label("start"), _NO_TYPE.label("type"))
    return select(*names, *_sums(dates))


def _periods(dates: CTE, unit: str) -> Rows:
    # A timestamp without a zone, or the session's time zone would shift it.
    start = cast(func.date_trunc(unit, cast(dates.c.date, DateTime)), Date)
    periods = (
        select(start.label("start"), *_sums(dates))
        .group_by(start)
        .order_by(start.desc())
        .limit(MAX_PERIODS)
        .subquery(f"{unit}s")
    )
    return select(literal(unit), periods.c.start, _NO_TYPE, periods.c.count, periods.c.minutes)


def _types(days: CTE) -> Rows:
    """Sum up the types, each spelt as in its newest workout."""
    count, minutes = _sums(days)
    types = (
        select(days.c.type_key, count, minutes)
        .group_by(days.c.type_key)
        .order_by(count.desc(), days.c.type_key)
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
    return select(literal("type"), _NO_DATE, spelling, types.c.count, types.c.minutes)


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
    return (
        select(literal("longest"), _NO_DATE, _NO_TYPE, cast(longest, BigInteger), literal(0)),
        select(literal("current"), _NO_DATE, _NO_TYPE, cast(current, BigInteger), literal(0)).where(
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

    async def get(self, owner_id: UUID, filters: Filter, today: dt.date) -> Stats:
        """Return the statistics of the filtered workouts of the owner.

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
    return Sum(row["count"] or 0, row["minutes"] or 0)
