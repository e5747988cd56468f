"""Adding a workout once, however often it is sent, reading it back, and deleting it."""

import asyncio
from uuid import uuid4

import pytest
from grpc import StatusCode

from server.programs.demo.transport import CallError
from tests.services.workout.diary import CHANGED, FIELDS, Diary, Workout, blamed
from tests.support.client import SOME_UUID, refused

# --- Round trips ---


async def test_a_workout_that_was_added_is_read_back(diary: Diary) -> None:
    workout = await diary.create()
    assert workout == Workout(id=workout.id, **FIELDS)  # type: ignore[arg-type]
    assert await diary.get(workout.id) == workout
    assert await diary.all() == [workout]


async def test_a_workout_may_be_named_in_capitals(diary: Diary) -> None:
    workout = await diary.create()
    name = workout.id.upper()
    assert await diary.get(name) == workout
    assert (await diary.patch(name, duration=31)).id == workout.id
    await diary.delete(name)
    assert await diary.all() == []


async def test_a_deleted_workout_is_gone_and_others_stay(diary: Diary) -> None:
    gone, stays = await diary.create(), await diary.create()
    await diary.delete(gone.id)
    assert await diary.all() == [stays]
    for call in (diary.get, diary.delete, diary.patch):
        with refused(StatusCode.NOT_FOUND):
            await call(gone.id)


async def test_of_two_who_delete_a_workout_one_did(diary: Diary) -> None:
    workout = await diary.create()
    calls = [diary.delete(workout.id) for _ in range(10)]
    replies = await asyncio.gather(*calls, return_exceptions=True)
    errors = [reply for reply in replies if isinstance(reply, CallError)]
    assert [error.code for error in errors] == [StatusCode.NOT_FOUND] * 9


# --- Once, however often it is sent ---


@pytest.mark.parametrize("name", ["id", "request_id"])
async def test_a_repeated_request_adds_nothing_and_returns_the_workout(
    diary: Diary, name: str
) -> None:
    request = {name: str(uuid4())}
    created = await diary.create(**request)
    assert await diary.create(**request) == created
    assert await diary.all() == [created]


@pytest.mark.parametrize("name", ["id", "request_id"])
async def test_20_of_one_request_at_the_same_time_add_one_workout(diary: Diary, name: str) -> None:
    request = {name: str(uuid4())}
    created = await asyncio.gather(*(diary.create(**request) for _ in range(20)))
    assert await diary.all() == [created[0]]
    assert created == [created[0]] * 20


@pytest.mark.parametrize("name", ["id", "request_id"])
async def test_a_request_of_that_name_that_says_something_else_is_refused(
    diary: Diary, name: str
) -> None:
    request = {name: str(uuid4())}
    created = await diary.create(**request)
    for field, value in CHANGED.items():
        with refused(StatusCode.ALREADY_EXISTS):
            await diary.create(**request, **{field: value})
    assert await diary.all() == [created]


async def test_of_20_who_say_different_things_under_one_id_one_is_heard(diary: Diary) -> None:
    calls = [diary.create(id=SOME_UUID, duration=number + 1) for number in range(20)]
    replies = await asyncio.gather(*calls, return_exceptions=True)
    created = [reply for reply in replies if isinstance(reply, Workout)]
    assert await diary.all() == created
    assert len(created) == 1
    assert {reply.code for reply in replies if isinstance(reply, CallError)} == {
        StatusCode.ALREADY_EXISTS
    }


async def test_requests_without_a_name_add_a_workout_each(diary: Diary) -> None:
    created = await asyncio.gather(*(diary.create() for _ in range(10)))
    assert len({workout.id for workout in created}) == len(await diary.all()) == 10


async def test_a_workout_has_the_id_that_the_client_chose(diary: Diary) -> None:
    chosen = str(uuid4())
    assert (await diary.create(id=chosen.upper())).id == chosen
    assert (await diary.create(id=chosen, request_id="not heeded")).id == chosen
    assert (await diary.create(request_id="not heeded")).id != chosen


async def test_an_id_that_is_no_uuid_is_refused(diary: Diary) -> None:
    for wrong in ("x", SOME_UUID.replace("-", ""), f"{{{SOME_UUID}}}", "\0"):
        with blamed("id"):
            await diary.create(id=wrong)
    assert await diary.all() == []


async def test_a_request_id_has_limits_as_well(diary: Diary) -> None:
    for wrong in ("x" * 101, "\0"):
        with blamed("request_id"):
            await diary.create(request_id=wrong)
    await diary.create(request_id="🏋" * 100)


@pytest.mark.parametrize("name", ["id", "request_id"])
async def test_two_people_who_choose_the_same_have_a_workout_each(
    diary: Diary, other: Diary, name: str
) -> None:
    chosen = {name: str(uuid4())}
    mine = await diary.create(**chosen, notes="mine")
    theirs = await other.create(**chosen, notes="theirs")
    assert (await diary.all(), await other.all()) == ([mine], [theirs])
    await diary.patch(mine.id, duration=99)
    await diary.delete(mine.id)
    assert (await diary.all(), await other.all()) == ([], [theirs])
