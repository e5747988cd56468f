"""ListWorkoutChanges: who applies them all has exactly what is stored."""

import asyncio
from uuid import UUID

import asyncpg
import pytest
from gymlocker.v2 import workout_pb2

from tests.services.workout.device import Device
from tests.services.workout.diary import Diary, over_grpc, violates
from tests.services.workout.training import EXERCISES, messages, squats

NIL = "00000000-0000-0000-0000-000000000000"


class TestListWorkoutChanges:
    async def test_empty_log_has_cursor_for_later_changes(self, diary: Diary) -> None:
        device = Device(diary)
        for _ in range(2):
            page = await device.read()
            assert (list(page.changes), page.more) == ([], False)
            assert page.next_cursor
        created = await diary.create(exercises=messages(EXERCISES))
        page = await device.read()
        assert [change.workout for change in page.changes] == [created]
        assert not page.more
        assert list((await device.read()).changes) == []

    async def test_returns_changes_in_order_of_commits(self, diary: Diary) -> None:
        first, second, third = [await diary.create(date=f"2026-02-0{9 - n}") for n in range(3)]
        device = Device(diary)
        page = await device.read()
        assert [change.workout for change in page.changes] == [first, second, third]
        first = await diary.patch(first.id, notes="new")
        await diary.delete(second.id)
        third = await diary.patch(third.id, exercises=squats(100))
        page = await device.read()
        assert list(page.changes) == [
            workout_pb2.WorkoutChange(workout=first),
            workout_pb2.WorkoutChange(deleted_id=second.id),
            workout_pb2.WorkoutChange(workout=third),
        ]

    async def test_workout_changed_often_is_returned_once(self, diary: Diary) -> None:
        device = Device(diary)
        await device.read()
        workout = await diary.create()
        for minutes in range(1, 6):
            workout = await diary.patch(workout.id, duration=minutes)
        page = await device.read()
        assert [change.workout for change in page.changes] == [workout]

    @pytest.mark.parametrize("size", [1, 2, 3, 7, 0])
    async def test_pages_neither_lose_nor_repeat(self, diary: Diary, size: int) -> None:
        workouts = [await diary.create(duration=n + 1) for n in range(6)]
        await diary.delete(workouts[2].id)
        device = Device(diary, size)
        pages = await device.synchronize()
        assert len(pages) == (-(-6 // size) if size else 1)
        assert all(len(page.changes) == size for page in pages[:-1])
        assert [page.more for page in pages] == [True] * (len(pages) - 1) + [False]
        found = [
            change.workout.id or change.deleted_id for page in pages for change in page.changes
        ]
        assert len(set(found)) == len(found) == 6
        assert await device.is_exact()

    async def test_page_can_be_repeated(self, diary: Diary) -> None:
        for _ in range(3):
            await diary.create()
        cursor = (await diary.changes(page_size=1)).next_cursor
        first = await diary.changes(cursor)
        assert await diary.changes(cursor) == first
        assert len(first.changes) == 2

    async def test_deleted_workout_can_return(self, diary: Diary) -> None:
        old, new = Device(diary), Device(diary)
        workout = await diary.create()
        await old.synchronize()
        await diary.delete(workout.id)
        again = await diary.create(id=workout.id, notes="again")
        for device in (old, new):
            await device.synchronize()
            assert device.copy == {again.id: again}
        await diary.delete(workout.id)
        for device in (old, new):
            await device.synchronize()
            assert device.copy == {}

    async def test_writes_between_pages_are_seen(self, diary: Diary) -> None:
        workouts = [await diary.create(duration=n + 1) for n in range(4)]
        device = Device(diary, 2)
        assert (await device.read()).more
        # On the first page, on the second one, and new.
        await diary.delete(workouts[0].id)
        await diary.patch(workouts[1].id, notes="new")
        await diary.delete(workouts[2].id)
        await diary.patch(workouts[3].id, exercises=squats(1))
        await diary.create()
        await device.synchronize()
        assert await device.is_exact()
        assert len(device.copy) == 3

    async def test_rejected_and_equal_writes_are_harmless(self, diary: Diary) -> None:
        device = Device(diary)
        workout = await diary.create()
        await device.synchronize()
        for call in (diary.create(id=workout.id, notes="other"), diary.delete(NIL)):
            await asyncio.gather(call, return_exceptions=True)
        assert list((await device.read()).changes) == []
        await diary.patch(workout.id)
        await device.synchronize()
        assert await device.is_exact()

    async def test_omits_workouts_of_others(self, diary: Diary, other: Diary) -> None:
        theirs = await other.create()
        await other.delete(theirs.id)
        await other.create()
        assert list((await diary.changes()).changes) == []

    @over_grpc
    async def test_is_100_by_default_and_1000_at_most(
        self, diary: Diary, database: asyncpg.Connection
    ) -> None:
        await database.execute(
            """
            INSERT INTO workouts (user_id, id, date, type, type_key, duration, notes, created)
            SELECT $1, gen_random_uuid(), '2026-02-07', 'Run', 'run', 1, '', now()
            FROM generate_series(1, 1500)
            """,
            UUID(diary.user.id),
        )
        for size, expected in ((0, 100), (999, 999), (1_000, 1_000), (1_001, 1_000)):
            page = await diary.changes(page_size=size)
            assert (len(page.changes), page.more) == (expected, True)
        device = Device(diary, 1_000)
        assert [len(page.changes) for page in await device.synchronize()] == [1_000, 500]
        assert await device.is_exact()
        with violates("page_size"):
            await diary.changes(page_size=-1)

    @over_grpc
    async def test_returns_workouts_from_before_revisions(
        self, diary: Diary, database: asyncpg.Connection
    ) -> None:
        ids = [NIL, "00000000-0000-0000-0000-000000000001", "f" * 8 + "-ffff-4fff-bfff-" + "f" * 12]
        for each in ids:
            await diary.create(id=each)
        # As the migration leaves them.
        await database.execute("ALTER TABLE workouts DISABLE TRIGGER USER")
        owner_id = UUID(diary.user.id)
        await database.execute("UPDATE workouts SET revision = 0 WHERE user_id = $1", owner_id)
        await database.execute("ALTER TABLE workouts ENABLE TRIGGER USER")
        await database.execute("DELETE FROM workout_clocks WHERE user_id = $1", owner_id)
        device = Device(diary, 1)
        pages = await device.synchronize()
        assert [page.changes[0].workout.id for page in pages] == ids
        await diary.delete(ids[0])
        await diary.patch(ids[1], notes="new")
        await device.synchronize()
        assert await device.is_exact()
