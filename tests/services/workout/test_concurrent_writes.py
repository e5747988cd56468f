"""Concurrent writes of one user: each waits for the others before it locks anything else."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from tests.services.workout.diary import CHANGED, Diary, Workout, over_grpc
from tests.services.workout.training import squats
from tests.support.waiting import eventually_true

pytestmark = over_grpc

LOCK = "SELECT next_workout_revision($1)"
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"
WRITES: dict[str, Callable[[Diary, Workout], Coroutine[Any, Any, Any]]] = {
    "create": lambda diary, _: diary.create(),
    "create with exercises": lambda diary, _: diary.create(exercises=squats(1)),
    "replace": lambda diary, workout: diary.replace(workout.id, **CHANGED),
    "patch": lambda diary, workout: diary.patch(workout.id, notes="new"),
    "patch exercises": lambda diary, workout: diary.patch(workout.id, exercises=squats(1)),
    "patch with etag": lambda diary, workout: diary.update(
        id=workout.id, patch={"notes": "new"}, etag=workout.etag
    ),
    "delete": lambda diary, workout: diary.delete(workout.id),
    "delete with etag": lambda diary, workout: diary.delete(workout.id, workout.etag),
}


async def waiting(database: asyncpg.Connection, number: int) -> None:
    """Wait until `number` calls wait for a lock."""

    async def condition() -> bool:
        found: int = await database.fetchval(WAITING)
        return found == number

    await eventually_true(condition)


class TestLocks:
    @pytest.mark.parametrize("name", WRITES)
    async def test_waiting_write_has_locked_nothing_else(
        self, diary: Diary, database: asyncpg.Connection, name: str
    ) -> None:
        owner_id = UUID(diary.user.id)
        workout = await diary.create(exercises=squats(100))
        before = database.transaction()
        await before.start()
        await database.execute(LOCK, owner_id)
        call = asyncio.create_task(WRITES[name](diary, workout))
        await waiting(database, 1)
        # Fails if the call has locked the workout, or the sums of its day.
        await database.execute("SET LOCAL lock_timeout = '500ms'")
        await database.execute("UPDATE workouts SET duration = 31 WHERE user_id = $1", owner_id)
        await before.rollback()
        await call


class TestWaiting:
    async def test_patch_returns_exercises_of_write_it_waited_for(
        self, diary: Diary, database: asyncpg.Connection
    ) -> None:
        owner_id = UUID(diary.user.id)
        workout = await diary.create(exercises=squats(100))
        async with database.transaction():
            await database.execute(LOCK, owner_id)
            await database.execute(
                "UPDATE workout_sets SET weight = 110 WHERE user_id = $1", owner_id
            )
            await database.execute("UPDATE workouts SET size = 99 WHERE user_id = $1", owner_id)
            call = asyncio.create_task(diary.patch(workout.id, notes="new"))
            await waiting(database, 1)
        patched = await call
        assert (patched.notes, list(patched.exercises)) == ("new", squats(110))

    async def test_delete_removes_exercises_of_write_it_waited_for(
        self, diary: Diary, database: asyncpg.Connection
    ) -> None:
        owner_id = UUID(diary.user.id)
        workout = await diary.create()
        async with database.transaction():
            await database.execute(LOCK, owner_id)
            await database.execute(
                "INSERT INTO workout_exercises (user_id, workout_id, position, name, name_key)"
                " SELECT user_id, id, 0, 'Squat', 'squat' FROM workouts WHERE user_id = $1",
                owner_id,
            )
            await database.execute(
                "UPDATE workouts SET exercise_count = 1 WHERE user_id = $1", owner_id
            )
            call = asyncio.create_task(diary.delete(workout.id))
            await waiting(database, 1)
        await call
        for table in ("workouts", "workout_exercises"):
            query = f"SELECT count(*) FROM {table} WHERE user_id = $1"
            assert await database.fetchval(query, owner_id) == 0
