"""The SQL of figures about workouts, read from the sums of each day."""

import asyncio
import datetime as dt
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class Sum:
    """How many workouts, and how many minutes they took."""

    count: int
    minutes: int


@dataclass
class Stats:
    """Figures about workouts. Weeks and months are named by their first day; streaks are days."""

    total: Sum = field(default_factory=lambda: Sum(0, 0))
    weeks: dict[dt.date, Sum] = field(default_factory=dict)
    months: dict[dt.date, Sum] = field(default_factory=dict)
    types: dict[str, Sum] = field(default_factory=dict)
    current_streak: int = 0
    longest_streak: int = 0


def _statement(*, of_one_type: bool) -> Statement:
    """Rows of (kind, start, type, count, minutes), each kind in its order."""
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
    wanted = [
        workout_days.c.user_id == bindparam("owner_id"),
        workout_days.c.date >= bindparam("start_date"),
        workout_days.c.date <= bindparam("end_date"),
    ]
    if of_one_type:
        wanted.append(workout_days.c.type_key == bindparam("type_key"))
    return select(workout_days).where(*wanted).cte("days")


def _dates(days: CTE) -> CTE:
    """The days without regard to types: fewer rows for what comes."""
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
    # A timestamp without a zone: else the session's would come into it.
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
    """A type is spelt as in the newest of its workouts."""
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
    """The longest run of days, and the one that reaches up to today or yesterday."""
    # In a run, the date and its number grow together.
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
    """Figures about people's workouts."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Figures of a large diary take a connection for seconds: one at a time for each person.
        self._turns: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    async def get(self, owner_id: UUID, wanted: Filter, today: dt.date) -> Stats:
        """Figures about the owner's workouts that are wanted: the last MOST_PERIODS, MOST_TYPES."""
        async with self._turns.setdefault(owner_id, asyncio.Lock()):
            rows = await self._database.fetch(
                _GET_OF_TYPE if wanted.type else _GET,
                owner_id=owner_id,
                start_date=wanted.start_date,
                end_date=wanted.end_date,
                type_key=caseless(wanted.type),
                today=today,
            )
        return _stats(rows)


def _stats(rows: list[asyncpg.Record]) -> Stats:
    stats = Stats()
    for kind, start, type_, count, minutes in rows:
        match kind:
            case "total":
                stats.total = Sum(count or 0, minutes or 0)
            case "week":
                stats.weeks[start] = Sum(count, minutes)
            case "month":
                stats.months[start] = Sum(count, minutes)
            case "type":
                stats.types[type_] = Sum(count, minutes)
            case "longest":
                stats.longest_streak = count or 0
            case "current":
                stats.current_streak = count or 0
    return stats
