"""SQL of workouts."""

import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

import asyncpg
from sqlalchemy import (
    Date,
    Integer,
    Text,
    Uuid,
    bindparam,
    delete,
    exists,
    func,
    literal,
    literal_column,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from server.errors import ResourceExhausted
from server.libraries.common.text import caseless
from server.libraries.database.owner import owner_must_exist
from server.libraries.database.pool import Database
from server.libraries.database.schema import workout_days, workouts
from server.libraries.database.statement import Statement
from server.libraries.limits.quota import quota_exceeded
from server.services.workout.model import Workout

# Per user.
MAX_WORKOUTS = 100_000
# Workouts per statement.
EXPORT_BATCH_SIZE = 1_000

_COLUMNS = (
    workouts.c.id,
    workouts.c.date,
    workouts.c.type,
    workouts.c.duration,
    workouts.c.notes,
    workouts.c.created,
)
_OWNED = workouts.c.user_id == bindparam("owner_id")
_BY_ID = (_OWNED, workouts.c.id == bindparam("workout_id"))

# The owner's number of workouts: the sum of the daily counts.
WORKOUT_COUNT = (
    select(func.coalesce(func.sum(workout_days.c.count), 0))
    .where(workout_days.c.user_id == bindparam("owner_id"))
    .scalar_subquery()
)
_HAS_ROOM = literal_column(str(MAX_WORKOUTS)) > WORKOUT_COUNT
_CREATE = Statement(
    insert(workouts)
    .from_select(
        ["user_id", "id", "date", "type", "type_key", "duration", "notes", "created"],
        select(
            bindparam("owner_id", type_=Uuid),
            bindparam("workout_id", type_=Uuid),
            bindparam("new_date", type_=Date),
            bindparam("new_type", type_=Text),
            bindparam("new_type_key", type_=Text),
            bindparam("new_duration", type_=Integer),
            bindparam("new_notes", type_=Text),
            # Not now(): two calls can share its tick. Each statement adds a single workout.
            func.clock_timestamp(),
        ).where(_HAS_ROOM),
    )
    .on_conflict_do_nothing(index_elements=[workouts.c.user_id, workouts.c.id])
    .returning(literal(1))
)
_GET_CONFLICT = Statement(select((~exists().where(*_BY_ID) & ~_HAS_ROOM).label("is_full")))
_GET = Statement(select(*_COLUMNS).where(*_BY_ID))
# NULL leaves a field unchanged.
_UPDATE = Statement(
    update(workouts)
    .where(*_BY_ID)
    .values(
        date=func.coalesce(bindparam("new_date", type_=Date), workouts.c.date),
        type=func.coalesce(bindparam("new_type", type_=Text), workouts.c.type),
        type_key=func.coalesce(bindparam("new_type_key", type_=Text), workouts.c.type_key),
        duration=func.coalesce(bindparam("new_duration", type_=Integer), workouts.c.duration),
        notes=func.coalesce(bindparam("new_notes", type_=Text), workouts.c.notes),
    )
    .returning(*_COLUMNS)
)
_DELETE = Statement(delete(workouts).where(*_BY_ID).returning(literal(1)))

_position_of_row = tuple_(workouts.c.date, workouts.c.created, workouts.c.id)
_page = (
    select(*_COLUMNS)
    .where(
        _OWNED,
        workouts.c.date >= bindparam("start_date"),
        # The end of the range is a position, too: a second condition on the date would make
        # PostgreSQL start at the end date and read everything down to the position.
        _position_of_row
        < tuple_(
            bindparam("before_date", type_=Date),
            bindparam("before_created", type_=workouts.c.created.type),
            bindparam("before_id", type_=Uuid),
        ),
    )
    .order_by(workouts.c.date.desc(), workouts.c.created.desc(), workouts.c.id.desc())
    .limit(bindparam("limit"))
)
_LIST = Statement(_page)
_LIST_OF_TYPE = Statement(_page.where(workouts.c.type_key == bindparam("type_key")))

_EXPORT = Statement(
    select(*_COLUMNS)
    .where(
        _OWNED,
        _position_of_row
        > tuple_(
            bindparam("after_date", type_=Date),
            bindparam("after_created", type_=workouts.c.created.type),
            bindparam("after_id", type_=Uuid),
        ),
    )
    .order_by(workouts.c.date, workouts.c.created, workouts.c.id)
    .limit(bindparam("limit"))
)


def too_many_workouts() -> ResourceExhausted:
    """Return the error for a full diary."""
    return quota_exceeded(f"{MAX_WORKOUTS:,} workouts")


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


# Before every possible workout; LAST is after all of them.
FIRST = Position(dt.date.min, dt.datetime.min.replace(tzinfo=dt.UTC), UUID(int=0))


def end_of(date: dt.date) -> Position:
    """Return the position after all workouts of a date."""
    return Position(date, dt.datetime.max.replace(tzinfo=dt.UTC), UUID(int=2**128 - 1))


LAST = end_of(dt.date.max)


@dataclass(frozen=True, slots=True)
class Change:
    """New values of a workout; None leaves a field unchanged."""

    date: dt.date | None = None
    type: str | None = None
    duration: int | None = None
    notes: str | None = None


class WorkoutRepository:
    """Repository of workouts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, owner_id: UUID, workout: Workout) -> bool:
        """Store a workout; return False, unchanged, if the owner has a workout with that id.

        Raises ResourceExhausted if the owner has MAX_WORKOUTS others.
        """
        with owner_must_exist():
            stored = await self._database.fetch_one(
                _CREATE,
                owner_id=owner_id,
                workout_id=workout.id,
                new_date=workout.date,
                new_type=workout.type,
                new_type_key=caseless(workout.type),
                new_duration=workout.duration,
                new_notes=workout.notes,
            )
        if stored:
            return True
        conflict = await self._database.fetch_one(
            _GET_CONFLICT, owner_id=owner_id, workout_id=workout.id
        )
        if conflict and conflict["is_full"]:
            raise too_many_workouts()
        return False

    async def get(self, owner_id: UUID, workout_id: UUID) -> Workout | None:
        """Return a workout of the owner; None if it does not exist."""
        row = await self._database.fetch_one(_GET, owner_id=owner_id, workout_id=workout_id)
        return _workout(row) if row else None

    async def page(
        self, owner_id: UUID, filters: Filter, before: Position, limit: int
    ) -> list[tuple[Position, Workout]]:
        """Return up to `limit` of the owner's workouts before a position, in descending order."""
        before = min(before, end_of(filters.end_date))
        rows = await self._database.fetch(
            _LIST_OF_TYPE if filters.type else _LIST,
            owner_id=owner_id,
            start_date=filters.start_date,
            type_key=caseless(filters.type),
            before_date=before.date,
            before_created=before.created,
            before_id=before.id,
            limit=limit,
        )
        return [(_position(row), _workout(row)) for row in rows]

    async def update(self, owner_id: UUID, workout_id: UUID, change: Change) -> Workout | None:
        """Change a workout of the owner and return it; None if it does not exist."""
        row = await self._database.fetch_one(
            _UPDATE,
            owner_id=owner_id,
            workout_id=workout_id,
            new_date=change.date,
            new_type=change.type,
            new_type_key=None if change.type is None else caseless(change.type),
            new_duration=change.duration,
            new_notes=change.notes,
        )
        return _workout(row) if row else None

    async def delete(self, owner_id: UUID, workout_id: UUID) -> bool:
        """Delete a workout of the owner; return False if it does not exist."""
        return bool(
            await self._database.fetch_one(_DELETE, owner_id=owner_id, workout_id=workout_id)
        )

    async def all(self, owner_id: UUID) -> AsyncIterator[list[Workout]]:
        """Yield all workouts of the owner in order, in batches.

        No connection is held between batches.
        """
        position = FIRST
        while True:
            rows = await self._database.fetch(
                _EXPORT,
                owner_id=owner_id,
                after_date=position.date,
                after_created=position.created,
                after_id=position.id,
                limit=EXPORT_BATCH_SIZE,
            )
            if not rows:
                return
            yield [_workout(row) for row in rows]
            position = _position(rows[-1])


def _workout(row: asyncpg.Record) -> Workout:
    return Workout(row["id"], row["date"], row["type"], row["duration"], row["notes"])


def _position(row: asyncpg.Record) -> Position:
    return Position(row["date"], row["created"], row["id"])
