"""UpdateWorkout: replacements and patches."""

import asyncio

import pytest
from grpc import StatusCode

from server.programs.demo.transport import CallError
from tests.services.workout.diary import (
    CHANGED,
    FIELDS,
    Diary,
    Workout,
    entered,
    over_grpc,
    violates,
)
from tests.support.client import SOME_UUID, refused


class TestReplacement:
    async def test_replaces_all_fields(self, diary: Diary) -> None:
        workout, stays = await diary.create(), await diary.create()
        replaced = await diary.replace(workout.id, **CHANGED)
        assert entered(replaced) == Workout(id=workout.id, **CHANGED)  # type: ignore[arg-type]
        again = await diary.replace(workout.id, **CHANGED)
        assert entered(again) == entered(replaced)
        assert await diary.get(workout.id) == again
        assert await diary.get(stays.id) == stays

    async def test_clears_missing_notes(self, diary: Diary) -> None:
        workout = await diary.create()
        replaced = await diary.replace(workout.id, date="2026-02-07", type="Running", duration=30)
        assert replaced.notes == ""
        assert await diary.get(workout.id) == replaced

    async def test_rejects_missing_required_field(self, diary: Diary) -> None:
        workout = await diary.create()
        for missing in ("date", "type", "duration"):
            rest = {name: value for name, value in CHANGED.items() if name != missing}
            with violates(f"replacement.{missing}"):
                await diary.replace(workout.id, **rest)
        assert await diary.get(workout.id) == workout

    @over_grpc
    async def test_rejects_request_without_change(self, diary: Diary) -> None:
        workout = await diary.create()
        with violates("change"):
            await diary.update(id=workout.id)
        with violates("change"):
            await diary.update(id=workout.id, update_mask={"paths": ["notes"]})
        assert await diary.get(workout.id) == workout


class TestPatch:
    async def test_changes_only_fields_that_are_set(self, diary: Diary) -> None:
        for field, value in CHANGED.items():
            workout = await diary.create()
            patched = await diary.patch(workout.id, **{field: value})
            expected = {**FIELDS, field: value}
            assert entered(patched) == Workout(id=workout.id, **expected)  # type: ignore[arg-type]
            assert await diary.get(workout.id) == patched

    async def test_changes_nothing_if_empty(self, diary: Diary) -> None:
        workout = await diary.create()
        patched = await diary.patch(workout.id)
        assert entered(patched) == entered(workout)
        assert await diary.get(workout.id) == patched
        with refused(StatusCode.NOT_FOUND):
            await diary.patch(SOME_UUID)

    async def test_clears_notes_if_empty(self, diary: Diary) -> None:
        workout = await diary.create()
        assert (await diary.patch(workout.id, notes="")).notes == ""

    async def test_changes_only_fields_of_mask(self, diary: Diary) -> None:
        workout = await diary.create()
        patched = await diary.patch(workout.id, "type", "duration", "type", **CHANGED)
        expected = {**FIELDS, "type": "Yoga", "duration": 45}
        assert entered(patched) == Workout(id=workout.id, **expected)  # type: ignore[arg-type]
        assert await diary.get(workout.id) == patched

    async def test_changes_all_fields_for_wildcard_mask(self, diary: Diary) -> None:
        workout = await diary.create()
        patched = await diary.patch(workout.id, "*", **CHANGED)
        assert entered(patched) == Workout(id=workout.id, **CHANGED)  # type: ignore[arg-type]
        rest = {name: value for name, value in FIELDS.items() if name != "notes"}
        assert (await diary.patch(workout.id, "*", **rest)).notes == ""

    async def test_clears_notes_of_mask_that_are_not_set(self, diary: Diary) -> None:
        workout = await diary.create()
        patched = await diary.patch(workout.id, "notes", duration=99)
        assert (patched.notes, patched.duration) == ("", 30)
        assert await diary.get(workout.id) == patched

    async def test_rejects_clearing_required_field(self, diary: Diary) -> None:
        workout = await diary.create()
        for field in ("date", "type", "duration"):
            rest = {name: value for name, value in CHANGED.items() if name != field}
            for mask in ([field], [field, "notes"], ["*"]):
                with refused(StatusCode.INVALID_ARGUMENT, f"patch.{field}"):
                    await diary.patch(workout.id, *mask, **rest)
        assert await diary.get(workout.id) == workout

    async def test_rejects_unknown_field_in_mask(self, diary: Diary) -> None:
        workout = await diary.create()
        for name in ("id", "colour", "user_id", "notes.length", "patch.notes", "n*"):
            for mask in ([name], ["notes", name]):
                with pytest.raises(CallError) as raised:
                    await diary.patch(workout.id, *mask, **CHANGED)
                assert raised.value.code == StatusCode.INVALID_ARGUMENT
        assert await diary.get(workout.id) == workout

    async def test_applies_all_concurrent_patches_of_different_fields(self, diary: Diary) -> None:
        workout = await diary.create()
        for _ in range(5):
            await diary.replace(workout.id, **FIELDS)
            await asyncio.gather(
                *(diary.patch(workout.id, **{field: value}) for field, value in CHANGED.items())
            )
            patched = await diary.get(workout.id)
            assert entered(patched) == Workout(id=workout.id, **CHANGED)  # type: ignore[arg-type]
