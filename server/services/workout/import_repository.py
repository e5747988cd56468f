"""SQL of imports: adding many workouts at once."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Date,
    Integer,
    Text,
    Uuid,
    any_,
    bindparam,
    column,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import insert

from server.libraries.common.text import caseless
from server.libraries.database.owner import owner_must_exist
from server.libraries.database.pool import Connection, Database
from server.libraries.database.schema import workouts
from server.libraries.database.statement import Statement
from server.services.workout.model import Workout
from server.services.workout.repository import MAX_WORKOUTS, WORKOUT_COUNT, too_many_workouts

# Workouts per statement.
BATCH_SIZE = 5_000
# Timeout of the whole transaction.
IMPORT_SECONDS = 60.0

_new = (
    func.unnest(
        bindparam("ids", type_=ARRAY(Uuid)),
        bindparam("dates", type_=ARRAY(Date)),
        bindparam("types", type_=ARRAY(Text)),
        bindparam("type_keys", type_=ARRAY(Text)),
        bindparam("durations", type_=ARRAY(Integer)),
        bindparam("notes", type_=ARRAY(Text)),
    )
    .table_valued(
        column("id", Uuid),
        column("date", Date),
        column("type", Text),
        column("type_key", Text),
        column("duration", Integer),
        column("notes", Text),
        name="new",
    )
    .render_derived()
)
_ADD_MANY = Statement(
    insert(workouts)
    .from_select(
        ["user_id", "id", "date", "type", "type_key", "duration", "notes", "created"],
        select(
            bindparam("owner_id", type_=Uuid),
            _new.c.id,
            _new.c.date,
            _new.c.type,
            _new.c.type_key,
            _new.c.duration,
            _new.c.notes,
            func.now(),
        ),
    )
    .on_conflict_do_nothing(index_elements=[workouts.c.user_id, workouts.c.id])
    .returning(literal(1))
)
_COUNT = Statement(select(WORKOUT_COUNT))
_COUNT_EXISTING = Statement(
    select(func.count()).where(
        workouts.c.user_id == bindparam("owner_id"),
        workouts.c.id == any_(bindparam("ids", type_=ARRAY(Uuid))),
    )
)


class ImportRepository:
    """Repository of imports."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_many(self, owner_id: UUID, new: Sequence[Workout]) -> int:
        """Store the workouts of `new` whose ids are not in use, all or none; return their number.

        Raises ResourceExhausted if the owner would have more than MAX_WORKOUTS.
        """
        # A fixed order, so that two imports cannot deadlock.
        batches = _batches(sorted(new, key=lambda workout: (workout.date, workout.id)))

        async def action(connection: Connection) -> int:
            added = 0
            for batch in batches:
                arguments = _ADD_MANY.arguments(_columns(owner_id, batch))
                added += len(await connection.fetch(_ADD_MANY.sql, *arguments))
            arguments = _COUNT.arguments({"owner_id": owner_id})
            if added and await connection.fetchval(_COUNT.sql, *arguments) > MAX_WORKOUTS:
                raise too_many_workouts()
            return added

        with owner_must_exist():
            return await self._database.transact(action, seconds=IMPORT_SECONDS)

    async def count_existing(self, owner_id: UUID, new: Sequence[Workout]) -> int:
        """Return how many of `new` the owner has already, compared by id."""
        count = 0
        for batch in _batches(new):
            ids = [workout.id for workout in batch]
            row = await self._database.fetch_one(_COUNT_EXISTING, owner_id=owner_id, ids=ids)
            count += row[0] if row else 0
        return count


def _batches(new: Sequence[Workout]) -> list[Sequence[Workout]]:
    return [new[start : start + BATCH_SIZE] for start in range(0, len(new), BATCH_SIZE)]


def _columns(owner_id: UUID, batch: Sequence[Workout]) -> dict[str, Any]:
    return {
        "owner_id": owner_id,
        "ids": [workout.id for workout in batch],
        "dates": [workout.date for workout in batch],
        "types": [workout.type for workout in batch],
        "type_keys": [caseless(workout.type) for workout in batch],
        "durations": [workout.duration for workout in batch],
        "notes": [workout.notes for workout in batch],
    }
