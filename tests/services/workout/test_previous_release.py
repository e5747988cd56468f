"""Writes of the previous release on today's schema, as during an upgrade of the workers.

Its statements know the columns of a workout without exercises, and no revisions.
"""

import asyncio
import datetime as dt
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.services.workout.device import Device
from tests.services.workout.diary import FIELDS, Diary, entered, over_grpc
from tests.services.workout.recomputed import require_correct_figures
from tests.services.workout.test_concurrent_writes import waiting
from tests.services.workout.training import EXERCISES, messages, squats

pytestmark = over_grpc

CREATE = """
INSERT INTO workouts (user_id, id, date, type, type_key, duration, notes, created)
SELECT $1::uuid, $2::uuid, $3::date, $4::text, lower($4::text), 30, '', clock_timestamp()
WHERE 100000 > (
    SELECT coalesce(sum(workout_days.count), 0) FROM workout_days WHERE workout_days.user_id = $1
)
ON CONFLICT (user_id, id) DO NOTHING RETURNING 1
"""
UPDATE = """
UPDATE workouts SET date = coalesce($3::date, workouts.date), type = coalesce($4, workouts.type),
    type_key = coalesce(lower($4), workouts.type_key),
    duration = coalesce($5::integer, workouts.duration), notes = coalesce($6, workouts.notes)
WHERE workouts.user_id = $1 AND workouts.id = $2
RETURNING id, date, type, duration, notes, created
"""
DELETE = "DELETE FROM workouts WHERE workouts.user_id = $1 AND workouts.id = $2 RETURNING 1"
IMPORT = """
INSERT INTO workouts (user_id, id, date, type, type_key, duration, notes, created)
SELECT $1::uuid, new.id, new.date, 'Run', 'run', 30, '', now()
FROM unnest($2::uuid[], $3::date[]) AS new (id, date)
ON CONFLICT (user_id, id) DO NOTHING RETURNING 1
"""
DATE = dt.date(2026, 2, 7)


class OldWorker:
    """A worker of the previous release, for one user."""

    def __init__(self, database: asyncpg.Connection, diary: Diary) -> None:
        self._database = database
        self._owner_id = UUID(diary.user.id)

    async def create(self, workout_id: UUID | None = None, date: dt.date = DATE) -> str:
        """Add a workout; return its id."""
        new = workout_id or uuid4()
        await self._database.fetch(CREATE, self._owner_id, new, date, "Run")
        return str(new)

    async def update(
        self, workout_id: str, date: dt.date | None = None, type_: str | None = None
    ) -> None:
        """Change a workout."""
        rows = await self._database.fetch(
            UPDATE, self._owner_id, UUID(workout_id), date, type_, 99, "old worker"
        )
        assert len(rows) == 1

    async def delete(self, workout_id: str) -> None:
        """Delete a workout."""
        assert len(await self._database.fetch(DELETE, self._owner_id, UUID(workout_id))) == 1

    async def load(self, count: int) -> None:
        """Import some workouts."""
        ids = [uuid4() for _ in range(count)]
        assert len(await self._database.fetch(IMPORT, self._owner_id, ids, [DATE] * count)) == count


@pytest.fixture
def old(database: asyncpg.Connection, diary: Diary) -> OldWorker:
    """Return a worker of the previous release that writes to the diary."""
    return OldWorker(database, diary)


class TestChanges:
    async def test_have_writes_of_both_in_order(self, diary: Diary, old: OldWorker) -> None:
        device = Device(diary)
        await device.read()
        first = await old.create()
        second = await diary.create(exercises=squats(100))
        third = await old.create()
        await old.update(second.id)
        await diary.patch(first, notes="new worker")
        await old.delete(third)
        page = await device.read()
        assert [change.workout.id or change.deleted_id for change in page.changes] == [
            second.id,
            first,
            third,
        ]
        assert await device.is_exact()

    async def test_have_import(self, diary: Diary, old: OldWorker) -> None:
        device = Device(diary, page_size=2)
        await device.synchronize()
        await old.load(5)
        await device.synchronize()
        assert len(device.copy) == 5
        assert await device.is_exact()

    async def test_never_overtake_uncommitted_write(
        self, diary: Diary, old: OldWorker, database: asyncpg.Connection
    ) -> None:
        device = Device(diary)
        transaction = database.transaction()
        await transaction.start()
        first = await old.create()
        call = asyncio.create_task(diary.create())
        await waiting(database, 1)
        assert list((await device.read()).changes) == []
        await transaction.commit()
        second = await call
        page = await device.read()
        assert [change.workout.id for change in page.changes] == [first, second.id]

    async def test_repeated_create_changes_nothing(self, diary: Diary, old: OldWorker) -> None:
        workout = await diary.create(exercises=squats(100))
        device = Device(diary)
        await device.read()
        await old.create(UUID(workout.id))
        assert list((await device.read()).changes) == []
        assert await diary.get(workout.id) == workout


class TestExercises:
    async def test_are_kept_by_update(
        self, diary: Diary, old: OldWorker, database: asyncpg.Connection
    ) -> None:
        workout = await diary.create(exercises=messages(EXERCISES))
        for date in (None, dt.date(2026, 3, 1), dt.date(2026, 2, 7)):
            await old.update(workout.id, date, "Legs")
            stored = await diary.get(workout.id)
            assert list(stored.exercises) == messages(EXERCISES)
            assert (stored.notes, stored.duration) == ("old worker", 99)
            assert stored.etag != workout.etag
            assert stored.update_time.ToNanoseconds() > workout.update_time.ToNanoseconds()
            await require_correct_figures(database, diary.user.id)

    async def test_are_removed_by_delete(
        self, diary: Diary, old: OldWorker, database: asyncpg.Connection
    ) -> None:
        workout, stays = [await diary.create(exercises=messages(EXERCISES)) for _ in range(2)]
        await old.delete(workout.id)
        await require_correct_figures(database, diary.user.id)
        assert await diary.all(view="full") == [stays]
        again = await diary.create(id=workout.id)
        assert list(again.exercises) == []

    async def test_can_be_added_to_its_workouts(
        self, diary: Diary, old: OldWorker, database: asyncpg.Connection
    ) -> None:
        workout_id = await old.create()
        stored = await diary.get(workout_id)
        patched = await diary.patch(workout_id, exercises=squats(100))
        assert patched.create_time == stored.create_time
        assert list(patched.exercises) == squats(100)
        await require_correct_figures(database, diary.user.id)


class TestWorkout:
    async def test_has_output_fields(self, diary: Diary, old: OldWorker) -> None:
        stored = await diary.get(await old.create())
        twin = await diary.create(type="Run", notes="")
        assert stored.etag == twin.etag
        assert stored.HasField("create_time") and stored.HasField("update_time")
        assert (stored.source, stored.set_count) == ("", 0)
        changed = await diary.update(id=stored.id, patch={"notes": "x"}, etag=stored.etag)
        assert entered(changed).notes == "x"
        assert changed.date == FIELDS["date"]
