"""Large workouts and large pages: up to 1 MiB, and up to 8 MiB."""

from contextlib import AbstractContextManager
from uuid import UUID

import asyncpg
import pytest
from grpc import StatusCode

from server.programs.demo.transport import CallError
from server.services.workout.model import MAX_STORED_SETS, MAX_WORKOUTS
from tests.services.workout.device import Device
from tests.services.workout.diary import FIELDS, Diary, diary_of, over_grpc, violates
from tests.services.workout.training import of_size, squats
from tests.support.client import Client, error_info

MIB = 1024 * 1024
COPY = """
WITH new AS (
    INSERT INTO workouts (user_id, id, date, type, type_key, duration, notes, created,
        exercises_digest, size, exercise_count, set_count)
    SELECT user_id, gen_random_uuid(), date + number, type, type_key, duration, notes, now(),
        exercises_digest, size, exercise_count, set_count
    FROM workouts, generate_series(1, $2) AS number WHERE user_id = $1
    RETURNING id
), exercise AS (
    INSERT INTO workout_exercises (user_id, workout_id, position, name, name_key)
    SELECT user_id, new.id, position, name, name_key FROM workout_exercises, new WHERE user_id = $1
)
INSERT INTO workout_sets (user_id, workout_id, exercise, position, notes)
SELECT user_id, new.id, exercise, position, notes FROM workout_sets, new WHERE user_id = $1
"""


class TestWorkout:
    async def test_of_1_mib_is_stored_and_read(self, diary: Diary) -> None:
        exercises = of_size(MIB)
        created = await diary.create(exercises=exercises)
        assert list(created.exercises) == exercises
        assert await diary.get(created.id) == created
        assert await diary.all(view="full") == [created]
        page = await diary.changes()
        assert [change.workout for change in page.changes] == [created]
        small = await diary.create()
        patched = await diary.patch(small.id, exercises=exercises)
        assert list(patched.exercises) == exercises

    async def test_of_more_is_rejected(self, diary: Diary) -> None:
        workout = await diary.create()
        exercises = of_size(MIB + 100)
        with violates("exercises"):
            await diary.create(exercises=exercises)
        with violates("replacement.exercises"):
            await diary.replace(workout.id, **FIELDS, exercises=exercises)
        with violates("patch.exercises"):
            await diary.patch(workout.id, **FIELDS, exercises=exercises)
        assert await diary.all() == [workout]


# gRPC clients accept only 4 MiB by default.
@pytest.mark.parametrize("transport", ["rest"], indirect=True)
# Half a minute for the pages, which have 8 MiB, on a busy machine.
@pytest.mark.extended
class TestPages:
    async def test_end_at_8_mib_and_lose_nothing(
        self, diary: Diary, database: asyncpg.Connection
    ) -> None:
        await diary.create(exercises=of_size(MIB))
        await database.execute(COPY, UUID(diary.user.id), 19)
        basic = await diary.all()
        pages = await diary.pages(view="full", page_size=100)
        sizes = [sum(workout.ByteSize() for workout in page) for page in pages]
        assert max(sizes) <= 8 * MIB < sum(sizes)
        # No page is shorter than it must be.
        assert min(sizes[:-1]) > 6 * MIB
        listed = [workout for page in pages for workout in page]
        assert [workout.id for workout in listed] == [workout.id for workout in basic]
        assert {workout.set_count for workout in listed} == {basic[0].set_count}
        assert all(
            sum(len(one.sets) for one in each.exercises) == each.set_count for each in listed
        )

        device = Device(diary, page_size=1_000)
        changes = await device.synchronize()
        sizes = [sum(change.ByteSize() for change in page.changes) for page in changes]
        assert max(sizes) <= 8 * MIB < sum(sizes)
        assert min(sizes[:-1]) > 6 * MIB
        assert sum(len(page.changes) for page in changes) == 20
        assert device.copy == {workout.id: workout for workout in listed}

    async def test_of_few_large_workouts_are_not_cut_by_number(self, diary: Diary) -> None:
        for _ in range(3):
            await diary.create(exercises=of_size(MIB))
        assert [len(page) for page in await diary.pages(view="full", page_size=2)] == [2, 1]
        assert [len(page) for page in await diary.pages(view="full")] == [3]


@over_grpc
class TestQuota:
    @pytest.mark.parametrize(
        ("column", "limit"), [("set_count", MAX_STORED_SETS), ("count", MAX_WORKOUTS)]
    )
    async def test_refuses_more_than_may_be_stored(
        self, client: Client, database: asyncpg.Connection, column: str, limit: int
    ) -> None:
        # Not from the pool: its sums are wrong from now on.
        diary = await diary_of(client, await client.created_user())
        workout = await diary.create(exercises=squats(60, sets=2))
        already = 2 if column == "set_count" else 1
        # A day of the sums counts as much as its workouts would.
        await database.execute(
            "INSERT INTO workout_days (user_id, date, type_key, count, minutes)"
            " VALUES ($1, '2020-01-01', 'run', 0, 0)",
            UUID(diary.user.id),
        )

        async def leave_room_for(number: int) -> None:
            await database.execute(
                f"UPDATE workout_days SET {column} = $2 WHERE user_id = $1 AND date = '2020-01-01'",
                UUID(diary.user.id),
                limit - already - number,
            )

        room = 3 if column == "set_count" else 1
        await leave_room_for(room - 1)
        if column == "set_count":
            with refuses_more():
                await diary.create(exercises=squats(100, sets=room))
            with refuses_more():
                await diary.patch(workout.id, exercises=squats(100, sets=2 + room))
        else:
            with refuses_more():
                await diary.create()
        assert await diary.all(view="full") == [workout]
        await leave_room_for(room)
        await diary.create(exercises=squats(100, sets=3))
        # A full log can still be changed.
        assert (await diary.patch(workout.id, exercises=squats(1, sets=2))).set_count == 2
        with refuses_more():
            await diary.create(exercises=squats(100))
        # A repeated request finds its workout.
        again = await diary.get(workout.id)
        repeated = await diary.create(id=workout.id, exercises=squats(1, sets=2))
        assert repeated == again
        await diary.delete(workout.id)
        await diary.create(exercises=squats(100))


def refuses_more() -> AbstractContextManager[object]:
    """Expect a call to be rejected for the quota."""
    return pytest.raises(
        CallError,
        check=lambda error: (
            error.code == StatusCode.RESOURCE_EXHAUSTED
            and error_info(error).reason == "QUOTA_EXCEEDED"
        ),
    )
