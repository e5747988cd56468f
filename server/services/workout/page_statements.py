"""SQL of pages: workouts in the order of their dates, from a position on."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeAlias
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Select,
    Subquery,
    Uuid,
    bindparam,
    func,
    or_,
    select,
    tuple_,
)

from server.libraries.database.schema import workouts
from server.libraries.database.statement import Statement
from server.services.workout.model import StoredWorkout
from server.services.workout.rows import COLUMNS, EXERCISES, SIZE

Rows: TypeAlias = "Select[Any]"
Order: TypeAlias = Callable[[Any], Sequence[ColumnElement[Any]]]


@dataclass(frozen=True, slots=True)
class Filter:
    """A range of calendar dates, both ends included, and a type; "" is any type."""

    start_date: dt.date = dt.date.min
    end_date: dt.date = dt.date.max
    type: str = ""


@dataclass(frozen=True, order=True, slots=True)
class Position:
    """The sort key of a workout."""

    date: dt.date
    created: dt.datetime
    id: UUID

    @classmethod
    def of(cls, stored: StoredWorkout) -> Self:
        """Return the position of a workout."""
        return cls(stored.workout.date, stored.created, stored.workout.id)


def end_of(date: dt.date) -> Position:
    """Return the position after all workouts of a date."""
    return Position(date, dt.datetime.max.replace(tzinfo=dt.UTC), UUID(int=2**128 - 1))


# Before every possible workout, and after it.
FIRST = Position(dt.date.min, dt.datetime.min.replace(tzinfo=dt.UTC), UUID(int=0))
LAST = end_of(dt.date.max)


@dataclass(frozen=True, slots=True)
class Page:
    """Workouts, and whether there are more after them.

    `is_cut` is true if the page ended because of its size.
    """

    workouts: list[StoredWorkout]
    has_more: bool
    is_cut: bool


def _oldest_first(columns: Any) -> Sequence[ColumnElement[Any]]:
    return (columns.date, columns.created, columns.id)


def _newest_first(columns: Any) -> Sequence[ColumnElement[Any]]:
    return (columns.date.desc(), columns.created.desc(), columns.id.desc())


def numbered(page: Rows, order: Order, name: str) -> tuple[Subquery, ColumnElement[bool]]:
    """Return the rows of `page`, and the condition of those that fit into `max_bytes`.

    They have a column `bytes`, and get `number`, their place in the order, and `found`, the number
    of all. The first row fits in any case.
    """
    rows = page.subquery("page")
    in_order = order(rows.c)
    found = select(
        *rows.c,
        func.row_number().over(order_by=in_order).label("number"),
        func.sum(rows.c.bytes).over(order_by=in_order, rows=(None, 0)).label("total"),
        func.count().over().label("found"),
    ).subquery(name)
    fits = found.c.total <= bindparam("max_bytes", type_=BigInteger)
    return found, or_(found.c.number == 1, fits)


def _with_exercises(page: Rows, order: Order) -> Rows:
    """Return the rows of `page` that fit into `max_bytes`, with their exercises."""
    sized = page.add_columns(workouts.c.user_id, SIZE.label("bytes"))
    # The expression of the exercises refers to this name.
    rows, fits = numbered(sized, order, "workouts")
    return select(rows, EXERCISES).where(fits).order_by(rows.c.number)


_OWNED = workouts.c.user_id == bindparam("owner_id")
_position = tuple_(workouts.c.date, workouts.c.created, workouts.c.id)


def _list(*, full: bool, of_type: bool) -> Statement:
    before = tuple_(
        bindparam("before_date", type_=Date),
        bindparam("before_created", type_=workouts.c.created.type),
        bindparam("before_id", type_=Uuid),
    )
    page = (
        select(*COLUMNS)
        # The end of the range is a position, too: a second condition on the date would make
        # PostgreSQL start at the end date and read everything down to the position.
        .where(_OWNED, workouts.c.date >= bindparam("start_date"), _position < before)
        .order_by(*_newest_first(workouts.c))
        .limit(bindparam("limit"))
    )
    if of_type:
        page = page.where(workouts.c.type_key == bindparam("type_key"))
    return Statement(_with_exercises(page, _newest_first) if full else page)


# By whether the page is full, and of one type.
LIST = {
    (full, of_type): _list(full=full, of_type=of_type)
    for full in (False, True)
    for of_type in (False, True)
}
_after = tuple_(
    bindparam("after_date", type_=Date),
    bindparam("after_created", type_=workouts.c.created.type),
    bindparam("after_id", type_=Uuid),
)
EXPORT = Statement(
    _with_exercises(
        select(*COLUMNS)
        .where(_OWNED, _position > _after)
        .order_by(*_oldest_first(workouts.c))
        .limit(bindparam("limit")),
        _oldest_first,
    )
)
