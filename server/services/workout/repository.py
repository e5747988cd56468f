"""The SQL of workouts."""

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

# Of one user.
MAX_WORKOUTS = 100_000
# Workouts that one statement reads.
EXPORT_BATCH = 1_000

_COLUMNS = (
    workouts.c.id,
    workouts.c.date,
    workouts.c.type,
    workouts.c.duration,
    workouts.c.notes,
    workouts.c.created,
)
_MINE = workouts.c.user_id == bindparam("owner_id")
_THIS = (_MINE, workouts.c.id == bindparam("workout_id"))

# How many workouts the owner has: the sum of each day's.
NUMBER = (
    select(func.coalesce(func.sum(workout_days.c.count), 0))
    .where(workout_days.c.user_id == bindparam("owner_id"))
    .scalar_subquery()
)
_HAS_ROOM = literal_column(str(MAX_WORKOUTS)) > NUMBER
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
            # Not now(): two calls may come within one tick of it, and one statement is one workout.
            func.clock_timestamp(),
        ).where(_HAS_ROOM),
    )
    .on_conflict_do_nothing(index_elements=[workouts.c.user_id, workouts.c.id])
    .returning(literal(1))
)
_WHY_NOT_CREATED = Statement(select((~exists().where(*_THIS) & ~_HAS_ROOM).label("is_full")))
_GET = Statement(select(*_COLUMNS).where(*_THIS))
# A field that is not to be changed comes as NULL.
_UPDATE = Statement(
    update(workouts)
    .where(*_THIS)
    .values(
        date=func.coalesce(bindparam("new_date", type_=Date), workouts.c.date),
        type=func.coalesce(bindparam("new_type", type_=Text), workouts.c.type),
        type_key=func.coalesce(bindparam("new_type_key", type_=Text), workouts.c.type_key),
        duration=func.coalesce(bindparam("new_duration", type_=Integer), workouts.c.duration),
        notes=func.coalesce(bindparam("new_notes", type_=Text), workouts.c.notes),
    )
    .returning(*_COLUMNS)
)
_DELETE = Statement(delete(workouts).where(*_THIS).returning(literal(1)))

_position_of_row = tuple_(workouts.c.date, workouts.c.created, workouts.c.id)
_page = (
    select(*_COLUMNS)
    .where(
        _MINE,
        workouts.c.date >= bindparam("start_date"),
        # The end of the range is a position too: with a second condition on the date, PostgreSQL
        # would begin there and read all that is in between.
        _position_of_row
        < tuple_(
            bindparam("before_date", type_=Date),
            bindparam("before_created", type_=workouts.c.created.type),
            bindparam("before_id", type_=Uuid),
        ),
    )
    .order_by(workouts.c.date.desc(), workouts.c.created.desc(), workouts.c.id.desc())
    .limit(bindparam("most"))
)
_LIST = Statement(_page)
_LIST_OF_TYPE = Statement(_page.where(workouts.c.type_key == bindparam("type_key")))

_EXPORT = Statement(
    select(*_COLUMNS)
    .where(
        _MINE,
        _position_of_row
        > tuple_(
            bindparam("after_date", type_=Date),
            bindparam("after_created", type_=workouts.c.created.type),
            bindparam("after_id", type_=Uuid),
        ),
    )
    .order_by(workouts.c.date, workouts.c.created, workouts.c.id)
    .limit(bindparam("most"))
)


def too_many_workouts() -> ResourceExhausted:
    """Return the error for a log that is full."""
    return quota_exceeded(f"{MAX_WORKOUTS:,} workouts")


@dataclass(frozen=True)
class Filter:
    """Which workouts: of calendar dates, both ends included, and of a type or of any."""

    start_date: dt.date = dt.date.min
    end_date: dt.date = dt.date.max
    type: str = ""


@dataclass(frozen=True, order=True)
class Position:
    """Where a workout stands in the order of workouts."""

    date: dt.date
    created: dt.datetime
    id: UUID


# Before every workout there can be; LAST is after them.
FIRST = Position(dt.date.min, dt.datetime.min.replace(tzinfo=dt.UTC), UUID(int=0))


def end_of(date: dt.date) -> Position:
    """The position after all workouts of a date."""
    return Position(date, dt.datetime.max.replace(tzinfo=dt.UTC), UUID(int=2**128 - 1))


LAST = end_of(dt.date.max)


@dataclass(frozen=True)
class Change:
    """What a workout becomes. None: as it was."""

    date: dt.date | None = None
    type: str | None = None
    duration: int | None = None
    notes: str | None = None


class WorkoutRepository:
    """People's workouts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, owner_id: UUID, workout: Workout) -> bool:
        """Stores a workout; False, and nothing happens, if the owner has one of that id.

        Raises ResourceExhausted if they have MAX_WORKOUTS others.
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
        why = await self._database.fetch_one(
            _WHY_NOT_CREATED, owner_id=owner_id, workout_id=workout.id
        )
        if why and why["is_full"]:
            raise too_many_workouts()
        return False

    async def get(self, owner_id: UUID, workout_id: UUID) -> Workout | None:
        """A workout of the owner's, None if there is no such one."""
        row = await self._database.fetch_one(_GET, owner_id=owner_id, workout_id=workout_id)
        return _workout(row) if row else None

    async def page(
        self, owner_id: UUID, wanted: Filter, before: Position, most: int
    ) -> list[tuple[Position, Workout]]:
        """Up to `most` of the owner's workouts that come before a position, the last ones first."""
        before = min(before, end_of(wanted.end_date))
        rows = await self._database.fetch(
            _LIST_OF_TYPE if wanted.type else _LIST,
            owner_id=owner_id,
            start_date=wanted.start_date,
            type_key=caseless(wanted.type),
            before_date=before.date,
            before_created=before.created,
            before_id=before.id,
            most=most,
        )
        return [(_position(row), _workout(row)) for row in rows]

    async def update(self, owner_id: UUID, workout_id: UUID, change: Change) -> Workout | None:
        """Changes a workout of the owner's and returns it, None if there is no such one."""
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
        """Deletes a workout of the owner's; False if there is no such one."""
        return bool(
            await self._database.fetch_one(_DELETE, owner_id=owner_id, workout_id=workout_id)
        )

    async def all(self, owner_id: UUID) -> AsyncIterator[list[Workout]]:
        """All of the owner's workouts in order, in batches. No connection is held in between."""
        position = FIRST
        while True:
            rows = await self._database.fetch(
                _EXPORT,
                owner_id=owner_id,
                after_date=position.date,
                after_created=position.created,
                after_id=position.id,
                most=EXPORT_BATCH,
            )
            if not rows:
                return
            yield [_workout(row) for row in rows]
            position = _position(rows[-1])


def _workout(row: asyncpg.Record) -> Workout:
    return Workout(row["id"], row["date"], row["type"], row["duration"], row["notes"])


def _position(row: asyncpg.Record) -> Position:
    return Position(row["date"], row["created"], row["id"])
