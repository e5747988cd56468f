"""Changing a workout: all of it by a replacement, and parts of it by a patch."""

import asyncio

import pytest
from grpc import StatusCode

from server.programs.demo.transport import CallError
from tests.services.workout.diary import CHANGED, FIELDS, Diary, Workout, blamed, over_grpc
from tests.support.client import SOME_UUID, refused

# --- All of it ---


async def test_a_replacement_is_all_that_a_workout_says(diary: Diary) -> None:
    workout, stays = await diary.create(), await diary.create()
    replaced = await diary.replace(workout.id, **CHANGED)
    assert replaced == Workout(id=workout.id, **CHANGED)  # type: ignore[arg-type]
    assert await diary.replace(workout.id, **CHANGED) == replaced
    assert await diary.get(workout.id) == replaced
    assert await diary.get(stays.id) == stays


async def test_a_replacement_without_notes_clears_them(diary: Diary) -> None:
    workout = await diary.create()
    replaced = await diary.replace(workout.id, date="2026-02-07", type="Running", duration=30)
    assert replaced.notes == ""
    assert await diary.get(workout.id) == replaced


async def test_a_replacement_lacks_nothing_but_notes(diary: Diary) -> None:
    workout = await diary.create()
    for missing in ("date", "type", "duration"):
        rest = {name: value for name, value in CHANGED.items() if name != missing}
        with blamed(f"replacement.{missing}"):
            await diary.replace(workout.id, **rest)
    assert await diary.get(workout.id) == workout


@over_grpc
async def test_a_change_to_nothing_at_all_is_refused(diary: Diary) -> None:
    workout = await diary.create()
    with blamed("change"):
        await diary.update(id=workout.id)
    with blamed("change"):
        await diary.update(id=workout.id, update_mask={"paths": ["notes"]})
    assert await diary.get(workout.id) == workout


# --- Parts of it ---


async def test_a_patch_changes_what_it_holds(diary: Diary) -> None:
    for field, value in CHANGED.items():
        workout = await diary.create()
        patched = await diary.patch(workout.id, **{field: value})
        expected = {**FIELDS, field: value}
        assert patched == Workout(id=workout.id, **expected)  # type: ignore[arg-type]
        assert await diary.get(workout.id) == patched


async def test_an_empty_patch_changes_nothing(diary: Diary) -> None:
    workout = await diary.create()
    assert await diary.patch(workout.id) == workout
    assert await diary.get(workout.id) == workout
    with refused(StatusCode.NOT_FOUND):
        await diary.patch(SOME_UUID)


async def test_a_patch_with_empty_notes_clears_them(diary: Diary) -> None:
    workout = await diary.create()
    assert (await diary.patch(workout.id, notes="")).notes == ""


async def test_a_mask_names_what_a_patch_changes(diary: Diary) -> None:
    workout = await diary.create()
    patched = await diary.patch(workout.id, "type", "duration", "type", **CHANGED)
    expected = {**FIELDS, "type": "Yoga", "duration": 45}
    assert patched == Workout(id=workout.id, **expected)  # type: ignore[arg-type]
    assert await diary.get(workout.id) == patched


async def test_the_mask_of_everything_changes_everything(diary: Diary) -> None:
    workout = await diary.create()
    patched = await diary.patch(workout.id, "*", **CHANGED)
    assert patched == Workout(id=workout.id, **CHANGED)  # type: ignore[arg-type]
    rest = {name: value for name, value in FIELDS.items() if name != "notes"}
    assert (await diary.patch(workout.id, "*", **rest)).notes == ""


async def test_a_mask_clears_notes_that_the_patch_does_not_hold(diary: Diary) -> None:
    workout = await diary.create()
    patched = await diary.patch(workout.id, "notes", duration=99)
    assert (patched.notes, patched.duration) == ("", 30)
    assert await diary.get(workout.id) == patched


async def test_nothing_but_notes_can_be_cleared(diary: Diary) -> None:
    workout = await diary.create()
    for field in ("date", "type", "duration"):
        rest = {name: value for name, value in CHANGED.items() if name != field}
        for mask in ([field], [field, "notes"], ["*"]):
            with refused(StatusCode.INVALID_ARGUMENT, f"patch.{field}"):
                await diary.patch(workout.id, *mask, **rest)
    assert await diary.get(workout.id) == workout


async def test_a_mask_that_names_what_a_workout_has_not_is_refused(diary: Diary) -> None:
    workout = await diary.create()
    for name in ("id", "colour", "user_id", "notes.length", "patch.notes", "n*"):
        for mask in ([name], ["notes", name]):
            with pytest.raises(CallError) as raised:
                await diary.patch(workout.id, *mask, **CHANGED)
            assert raised.value.code == StatusCode.INVALID_ARGUMENT
    assert await diary.get(workout.id) == workout


async def test_patches_of_different_fields_at_the_same_time_all_last(diary: Diary) -> None:
    workout = await diary.create()
    for _ in range(5):
        await diary.replace(workout.id, **FIELDS)
        await asyncio.gather(
            *(diary.patch(workout.id, **{field: value}) for field, value in CHANGED.items())
        )
        assert await diary.get(workout.id) == Workout(id=workout.id, **CHANGED)  # type: ignore[arg-type]
