"""SQL of workouts."""

from collections.abc import AsyncIterator
from typing import Any
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
    select,
    update,
)

from server.errors import ResourceExhausted
from server.libraries.common.text import caseless
from server.libraries.database.owner import owner_must_exist
from server.libraries.database.pool import Connection, Database
from server.libraries.database.schema import workout_days, workouts
from server.libraries.database.statement import Statement
from server.libraries.limits.quota import quota_exceeded
from server.services.workout.change import Change
from server.services.workout.digest import digest_of, digest_of_exercises
from server.services.workout.etag import IfMatch
from server.services.workout.model import (
    MAX_STORED_SETS,
    MAX_WORKOUTS,
    StoredWorkout,
    Workout,
)
from server.services.workout.page_statements import (
    EXPORT,
    FIRST,
    LIST,
    Filter,
    Page,
    Position,
    end_of,
)
from server.services.workout.plain_statement import ADD_PLAIN
from server.services.workout.rows import COLUMNS, EXERCISES, stored_workout, stored_workouts
from server.services.workout.store_statement import (
    ADD,
    REMOVE_EXERCISES,
    STORE,
    NewWorkout,
    arguments,
)

# Of a statement.
EXPORT_BATCH_SIZE = 1_000
EXPORT_BATCH_BYTES = 1024 * 1024
_BY_ID = (
    workouts.c.user_id == bindparam("owner_id"),
    workouts.c.id == bindparam("workout_id"),
)
_REVISION = func.next_workout_revision(bindparam("owner_id", type_=Uuid))

_usage = select(
    func.coalesce(func.sum(workout_days.c.count), 0).label("workouts"),
    func.coalesce(func.sum(workout_days.c.set_count), 0).label("sets"),
).where(workout_days.c.user_id == bindparam("owner_id"))
_GET_USAGE = Statement(_usage)
_GET_CONFLICT = Statement(_usage.add_columns(exists().where(*_BY_ID).label("exists")))
_GET = Statement(select(*COLUMNS, workouts.c.imported_digest, EXERCISES).where(*_BY_ID))
# Enough for the digest.
_GET_BASIC = Statement(select(*COLUMNS).where(*_BY_ID))
_NEXT_REVISION = Statement(select(_REVISION))
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
        start_time=func.coalesce(bindparam("new_start_time", type_=Text), workouts.c.start_time),
        revision=select(_REVISION).scalar_subquery(),
        updated=func.clock_timestamp(),
    )
    # Without the exercises: they would be those before a write that this one waited for.
    .returning(*COLUMNS)
)
# The clock is locked first, as by every writer. NULL if the user is being deleted.
_DELETE = Statement(
    delete(workouts)
    .where(*_BY_ID, select(_REVISION).scalar_subquery().is_not(None))
    .returning(literal(1))
)


def too_much() -> ResourceExhausted:
    """Return the error for a full training log."""
    return quota_exceeded(f"{MAX_WORKOUTS:,} workouts, or {MAX_STORED_SETS:,} sets")


async def require_room(connection: Connection, owner_id: UUID) -> None:
    """Raise ResourceExhausted if the owner has more than they may store."""
    used = await _fetch_one(connection, _GET_USAGE, owner_id=owner_id)
    if used and (used["workouts"] > MAX_WORKOUTS or used["sets"] > MAX_STORED_SETS):
        raise too_much()


class WorkoutRepository:
    """Repository of workouts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, owner_id: UUID, workout: Workout) -> StoredWorkout | None:
        """Store a workout and return it; None, unchanged, if the owner has one with that id.

        Raises ResourceExhausted if the owner has no room for it.
        """
        new = NewWorkout(workout)
        with owner_must_exist():
            if workout.exercises:
                row = await self._database.fetch_one(ADD, **arguments(owner_id, [new]))
            else:
                values = _parameters(owner_id, workout.id, workout)
                row = await self._database.fetch_one(ADD_PLAIN, **values)
        if row:
            return _stored(new, row)
        conflict = await self._database.fetch_one(
            _GET_CONFLICT, owner_id=owner_id, workout_id=workout.id
        )
        if conflict and not conflict["exists"] and _is_full(conflict, workout):
            raise too_much()
        return None

    async def get(self, owner_id: UUID, workout_id: UUID) -> StoredWorkout | None:
        """Return a workout of the owner with its exercises; None if it does not exist."""
        row = await self._database.fetch_one(_GET, owner_id=owner_id, workout_id=workout_id)
        return stored_workout(row) if row else None

    async def page(
        self, owner_id: UUID, filters: Filter, before: Position, limit: int, max_bytes: int = 0
    ) -> Page:
        """Return up to `limit` of the owner's workouts before a position, in descending order.

        With `max_bytes`, they have their exercises, and the page ends before it exceeds that size,
        unless its first workout does.
        """
        before = min(before, end_of(filters.end_date))
        rows = await self._database.fetch(
            LIST[bool(max_bytes), bool(filters.type)],
            owner_id=owner_id,
            start_date=filters.start_date,
            type_key=caseless(filters.type),
            before_date=before.date,
            before_created=before.created,
            before_id=before.id,
            # One more row shows whether there is a next page.
            limit=limit + 1,
            max_bytes=max_bytes,
        )
        page = rows[:limit]
        found = rows[0]["found"] if rows and max_bytes else len(rows)
        return Page(
            await stored_workouts(page),
            has_more=found > len(page),
            is_cut=len(page) < min(found, limit),
        )

    async def update(
        self, owner_id: UUID, workout_id: UUID, change: Change, if_match: IfMatch
    ) -> StoredWorkout | None:
        """Change a workout of the owner and return it; None if it does not exist.

        Raises Aborted if `if_match` does not hold, unless the workout has the new contents already.
        """
        if change.exercises is None and if_match.etags is None:
            row = await self._database.fetch_one(
                _UPDATE, **_parameters(owner_id, workout_id, change)
            )
            if row and row["exercise_count"]:
                return await self.get(owner_id, workout_id)
            return stored_workout(row) if row else None

        async def action(connection: Connection) -> StoredWorkout | None:
            return await _update(connection, owner_id, workout_id, change, if_match)

        return await self._database.transact(action)

    async def delete(self, owner_id: UUID, workout_id: UUID, if_match: IfMatch) -> bool:
        """Delete a workout of the owner; return False if it does not exist.

        Raises Aborted if `if_match` does not hold.
        """
        by_id: dict[str, Any] = {"owner_id": owner_id, "workout_id": workout_id}
        if if_match.etags is None:
            return bool(await self._database.fetch_one(_DELETE, **by_id))

        async def action(connection: Connection) -> bool:
            # Other writers of this user wait for it.
            await _fetch_one(connection, _NEXT_REVISION, owner_id=owner_id)
            row = await _fetch_one(connection, _GET_BASIC, **by_id)
            if row is None:
                return False
            if_match.require(stored_workout(row))
            return bool(await _fetch_one(connection, _DELETE, **by_id))

        return await self._database.transact(action)

    async def all(self, owner_id: UUID) -> AsyncIterator[list[StoredWorkout]]:
        """Yield all workouts of the owner in order, in batches.

        No connection is held between batches.
        """
        position = FIRST
        while True:
            rows = await self._database.fetch(
                EXPORT,
                owner_id=owner_id,
                after_date=position.date,
                after_created=position.created,
                after_id=position.id,
                limit=EXPORT_BATCH_SIZE,
                max_bytes=EXPORT_BATCH_BYTES,
            )
            if not rows:
                return
            batch = await stored_workouts(rows)
            yield batch
            position = Position.of(batch[-1])


async def _update(
    connection: Connection, owner_id: UUID, workout_id: UUID, change: Change, if_match: IfMatch
) -> StoredWorkout | None:
    # Other writers of this user wait for it.
    revision = await connection.fetchval(_NEXT_REVISION.sql, owner_id)
    row = await _fetch_one(connection, _GET, owner_id=owner_id, workout_id=workout_id)
    if row is None:
        return None
    stored = stored_workout(row)
    workout = change.applied_to(stored.workout)
    if not if_match.accepts(stored):
        if workout == stored.workout:
            return stored
        if_match.require(stored)
    new = NewWorkout(workout, stored.source, stored.created, row["imported_digest"])
    if change.exercises is None:
        parameters = _parameters(owner_id, workout_id, change)
        row = await _fetch_one(connection, _UPDATE, **parameters)
    else:
        await _fetch_one(connection, REMOVE_EXERCISES, owner_id=owner_id, ids=[workout_id])
        parameters = arguments(owner_id, [new]) | {"revision": revision}
        row = await _fetch_one(connection, STORE, **parameters)
        await require_room(connection, owner_id)
    return _stored(new, row) if row else None


def _parameters(owner_id: UUID, workout_id: UUID, values: Change | Workout) -> dict[str, Any]:
    return {
        "owner_id": owner_id,
        "workout_id": workout_id,
        "new_date": values.date,
        "new_type": values.type,
        "new_type_key": None if values.type is None else caseless(values.type),
        "new_duration": values.duration,
        "new_notes": values.notes,
        "new_start_time": values.start_time,
    }


async def _fetch_one(
    connection: Connection, statement: Statement, **parameters: Any
) -> asyncpg.Record | None:
    return await connection.fetchrow(statement.sql, *statement.arguments(parameters))


def _is_full(used: asyncpg.Record, workout: Workout) -> bool:
    return bool(
        used["workouts"] >= MAX_WORKOUTS or used["sets"] + workout.set_count > MAX_STORED_SETS
    )


def _stored(new: NewWorkout, row: asyncpg.Record) -> StoredWorkout:
    """Return a workout that was just stored."""
    workout = new.workout
    return StoredWorkout(
        workout,
        new.source,
        row["created"],
        row["updated"],
        digest_of(workout, digest_of_exercises(workout.exercises)),
        len(workout.exercises),
        workout.set_count,
    )
