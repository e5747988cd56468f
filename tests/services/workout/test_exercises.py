"""Exercises, sets and start times in every RPC: what was given is returned."""

from typing import Any
from uuid import uuid4

import pytest
from grpc import StatusCode

from tests.services.workout.diary import CHANGED, FIELDS, Diary, Workout, entered
from tests.services.workout.training import EXERCISES, MINIMAL, SQUAT, messages, squats
from tests.support.client import refused

START = "2026-02-07T18:30:00+01:00"
TRAINING = {"start_time": START, "exercises": messages(EXERCISES)}


class TestCreateWorkout:
    async def test_returns_exercises_as_given(self, diary: Diary) -> None:
        created = await diary.create(**TRAINING)
        expected = Workout(id=created.id, **FIELDS, **TRAINING)  # type: ignore[arg-type]
        assert entered(created) == expected
        assert (created.exercise_count, created.set_count) == (4, 11)
        assert await diary.get(created.id) == created

    async def test_returns_existing_workout_for_repeated_request(self, diary: Diary) -> None:
        request = {"id": str(uuid4()), **TRAINING}
        created = await diary.create(**request)
        assert await diary.create(**request) == created
        assert await diary.all(view="full") == [created]

    async def test_rejects_other_sets_under_same_id(self, diary: Diary) -> None:
        request = {"id": str(uuid4()), **TRAINING}
        created = await diary.create(**request)
        others: list[dict[str, Any]] = [
            {"exercises": messages(EXERCISES[:-1])},
            {"exercises": messages([*EXERCISES[1:], SQUAT])},
            {"exercises": messages([*EXERCISES[:-1], {**SQUAT, "notes": "x"}])},
            {"exercises": []},
            {"start_time": "2026-02-07T17:30:00Z"},
            {"start_time": ""},
        ]
        for other in others:
            with refused(StatusCode.ALREADY_EXISTS):
                await diary.create(**{**request, **other})
        assert await diary.all(view="full") == [created]

    async def test_negative_zero_is_zero(self, diary: Diary) -> None:
        def sets(zero: float) -> list[dict[str, Any]]:
            weight, distance = {"value": zero, "unit": "kg"}, {"value": zero, "unit": "m"}
            return [{"name": "Plank", "sets": [{"weight": weight, "distance": distance}]}]

        created = await diary.create(exercises=messages(sets(-0.0)))
        # Not by ==, for which they are equal.
        assert str(created.exercises[0].sets[0].weight.value) == "0.0"
        other = await diary.create(exercises=messages(sets(0.0)))
        assert created.etag == other.etag

    async def test_trims_name(self, diary: Diary) -> None:
        created = await diary.create(exercises=messages([{"name": " \tSquat\u3000"}]))
        assert [one.name for one in created.exercises] == ["Squat"]
        assert await diary.get(created.id) == created


class TestListWorkouts:
    async def test_basic_view_omits_exercises(self, diary: Diary) -> None:
        created = await diary.create(**TRAINING)
        plain = await diary.create(date="2026-02-06")
        basic = Workout()
        basic.CopyFrom(created)
        del basic.exercises[:]
        for view in ("", "basic"):
            assert await diary.all(view=view) == [basic, plain]
        assert await diary.all(view="full") == [created, plain]
        for size in (1, 2, 3):
            assert await diary.all(view="full", page_size=size) == [created, plain]

    async def test_rejects_unknown_view(self, diary: Diary) -> None:
        for view in ("FULL", "none", "\0"):
            with refused(StatusCode.INVALID_ARGUMENT, "view"):
                await diary.page(view=view)


class TestReplacement:
    async def test_keeps_exercises_and_start_time_that_are_absent(self, diary: Diary) -> None:
        created = await diary.create(**TRAINING)
        replaced = await diary.replace(created.id, **CHANGED)
        assert entered(replaced) == Workout(id=created.id, **CHANGED, **TRAINING)  # type: ignore[arg-type]
        assert (replaced.exercise_count, replaced.set_count) == (4, 11)
        assert await diary.get(created.id) == replaced

    async def test_replaces_those_that_are_given(self, diary: Diary) -> None:
        created = await diary.create(**TRAINING)
        given = {"start_time": "2026-02-08T06:00:00Z", "exercises": squats(110)}
        replaced = await diary.replace(created.id, **CHANGED, **given)
        assert entered(replaced) == Workout(id=created.id, **CHANGED, **given)  # type: ignore[arg-type]
        assert (replaced.exercise_count, replaced.set_count) == (1, 1)
        assert await diary.get(created.id) == replaced

    async def test_adds_exercises_to_workout_without(self, diary: Diary) -> None:
        created = await diary.create()
        replaced = await diary.replace(created.id, **FIELDS, **TRAINING)
        assert entered(replaced) == Workout(id=created.id, **FIELDS, **TRAINING)  # type: ignore[arg-type]
        assert await diary.get(created.id) == replaced


class TestPatch:
    @pytest.mark.parametrize("field", ["date", "type", "duration", "notes"])
    async def test_keeps_exercises_if_absent(self, diary: Diary, field: str) -> None:
        created = await diary.create(**TRAINING)
        patched = await diary.patch(created.id, **{field: CHANGED[field]})
        expected = {**FIELDS, **TRAINING, field: CHANGED[field]}
        assert entered(patched) == Workout(id=created.id, **expected)  # type: ignore[arg-type]
        assert await diary.get(created.id) == patched

    async def test_replaces_exercises_as_a_whole(self, diary: Diary) -> None:
        created = await diary.create(**TRAINING)
        for exercises in (messages([MINIMAL]), squats(110, sets=3), messages(EXERCISES)):
            patched = await diary.patch(created.id, exercises=exercises)
            assert list(patched.exercises) == exercises
            assert patched.start_time == START
            assert await diary.get(created.id) == patched

    async def test_clears_fields_of_mask_that_are_absent(self, diary: Diary) -> None:
        created = await diary.create(**TRAINING)
        patched = await diary.patch(created.id, "exercises", notes="ignored")
        expected = {**FIELDS, "start_time": START}
        assert entered(patched) == Workout(id=created.id, **expected)  # type: ignore[arg-type]
        assert (patched.exercise_count, patched.set_count) == (0, 0)
        patched = await diary.patch(created.id, "start_time")
        assert entered(patched) == Workout(id=created.id, **FIELDS)  # type: ignore[arg-type]
        assert await diary.get(created.id) == patched

    async def test_wildcard_mask_clears_what_is_absent(self, diary: Diary) -> None:
        created = await diary.create(**TRAINING)
        patched = await diary.patch(created.id, "*", **CHANGED)
        assert entered(patched) == Workout(id=created.id, **CHANGED)  # type: ignore[arg-type]

    async def test_mask_limits_what_is_set(self, diary: Diary) -> None:
        created = await diary.create()
        patched = await diary.patch(created.id, "start_time", **TRAINING)
        assert (patched.start_time, list(patched.exercises)) == (START, [])
        patched = await diary.patch(created.id, "exercises", notes="ignored", exercises=squats(1))
        assert (patched.start_time, list(patched.exercises)) == (START, squats(1))

    async def test_rejects_path_into_exercises(self, diary: Diary) -> None:
        created = await diary.create(**TRAINING)
        for path in ("exercises.name", "exercises.sets", "source", "etag"):
            with pytest.raises(Exception, match="INVALID_ARGUMENT"):
                await diary.patch(created.id, path, exercises=squats(1))
        assert await diary.get(created.id) == created
