"""CreateWorkout: each request adds one workout, however often it is sent."""

import asyncio
from uuid import uuid4

import pytest
from grpc import StatusCode

from server.programs.demo.transport import CallError
from tests.services.workout.diary import CHANGED, FIELDS, Diary, Workout, entered, violates
from tests.support.client import SOME_UUID, refused


class TestCreateWorkout:
    async def test_returns_workout_as_stored(self, diary: Diary) -> None:
        workout = await diary.create()
        assert entered(workout) == Workout(id=workout.id, **FIELDS)  # type: ignore[arg-type]
        assert await diary.get(workout.id) == workout
        assert await diary.all() == [workout]

    @pytest.mark.parametrize("name", ["id", "request_id"])
    async def test_returns_existing_workout_for_repeated_request(
        self, diary: Diary, name: str
    ) -> None:
        request = {name: str(uuid4())}
        created = await diary.create(**request)
        assert await diary.create(**request) == created
        assert await diary.all() == [created]

    @pytest.mark.parametrize("name", ["id", "request_id"])
    async def test_adds_one_workout_for_20_concurrent_repeats(
        self, diary: Diary, name: str
    ) -> None:
        request = {name: str(uuid4())}
        created = await asyncio.gather(*(diary.create(**request) for _ in range(20)))
        assert await diary.all() == [created[0]]
        assert created == [created[0]] * 20

    @pytest.mark.parametrize("name", ["id", "request_id"])
    async def test_rejects_other_contents_under_same_id(self, diary: Diary, name: str) -> None:
        request = {name: str(uuid4())}
        created = await diary.create(**request)
        for field, value in CHANGED.items():
            with refused(StatusCode.ALREADY_EXISTS):
                await diary.create(**request, **{field: value})
        assert await diary.all() == [created]

    async def test_adds_one_of_20_concurrent_workouts_with_same_id(self, diary: Diary) -> None:
        calls = [diary.create(id=SOME_UUID, duration=number + 1) for number in range(20)]
        responses = await asyncio.gather(*calls, return_exceptions=True)
        created = [response for response in responses if isinstance(response, Workout)]
        assert await diary.all() == created
        assert len(created) == 1
        assert {response.code for response in responses if isinstance(response, CallError)} == {
            StatusCode.ALREADY_EXISTS
        }

    async def test_adds_workout_for_each_request_without_id(self, diary: Diary) -> None:
        created = await asyncio.gather(*(diary.create() for _ in range(10)))
        assert len({workout.id for workout in created}) == len(await diary.all()) == 10

    async def test_uses_id_of_client(self, diary: Diary) -> None:
        chosen = str(uuid4())
        assert (await diary.create(id=chosen.upper())).id == chosen
        assert (await diary.create(id=chosen, request_id="not heeded")).id == chosen
        assert (await diary.create(request_id="not heeded")).id != chosen

    async def test_rejects_id_that_is_not_uuid(self, diary: Diary) -> None:
        for wrong in ("x", SOME_UUID.replace("-", ""), f"{{{SOME_UUID}}}", "\0"):
            with violates("id"):
                await diary.create(id=wrong)
        assert await diary.all() == []

    async def test_rejects_request_id_beyond_limits(self, diary: Diary) -> None:
        for wrong in ("x" * 101, "\0"):
            with violates("request_id"):
                await diary.create(request_id=wrong)
        await diary.create(request_id="🏋" * 100)

    @pytest.mark.parametrize("name", ["id", "request_id"])
    async def test_keeps_equal_ids_of_two_users_apart(
        self, diary: Diary, other: Diary, name: str
    ) -> None:
        chosen = {name: str(uuid4())}
        mine = await diary.create(**chosen, notes="mine")
        theirs = await other.create(**chosen, notes="theirs")
        assert (await diary.all(), await other.all()) == ([mine], [theirs])
        await diary.patch(mine.id, duration=99)
        await diary.delete(mine.id)
        assert (await diary.all(), await other.all()) == ([], [theirs])
