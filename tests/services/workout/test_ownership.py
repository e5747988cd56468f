"""Ownership: another user's workout is indistinguishable from a missing one."""

from collections.abc import Coroutine
from typing import Any

import pytest
from google.protobuf.message import Message
from grpc import StatusCode
from gymlocker.v2 import workout_pb2

from server.programs.demo.transport import CallError
from tests.services.workout.diary import CHANGED, FIELDS, Diary, violates
from tests.services.workout.training import squats
from tests.support.client import SOME_UUID, Client, refused


def calls_on(diary: Diary, workout_id: str) -> list[Coroutine[Any, Any, Message]]:
    """Return every call that names a workout."""
    return [
        diary.get(workout_id),
        diary.replace(workout_id, **CHANGED),
        diary.patch(workout_id, notes="stolen"),
        diary.patch(workout_id, "*", **CHANGED),
        diary.patch(workout_id),
        diary.patch(workout_id, exercises=squats(100)),
        diary.update(id=workout_id, patch={"notes": "stolen"}, etag="*"),
        diary.update(id=workout_id, patch={"notes": "stolen"}, etag="x"),
        diary.delete(workout_id),
        diary.delete(workout_id, "*"),
        diary.delete(workout_id, "x"),
    ]


CALLS: dict[str, Message] = {
    "CreateWorkout": workout_pb2.CreateWorkoutRequest(**FIELDS),  # type: ignore[arg-type]
    "GetWorkout": workout_pb2.GetWorkoutRequest(id=SOME_UUID),
    "ListWorkouts": workout_pb2.ListWorkoutsRequest(),
    "UpdateWorkout": workout_pb2.UpdateWorkoutRequest(
        id=SOME_UUID, patch=workout_pb2.WorkoutPatch(notes="x")
    ),
    "DeleteWorkout": workout_pb2.DeleteWorkoutRequest(id=SOME_UUID),
    "ListWorkoutChanges": workout_pb2.ListWorkoutChangesRequest(),
    "GetWorkoutStats": workout_pb2.GetWorkoutStatsRequest(),
}


class TestOwnership:
    async def test_reports_foreign_workout_as_not_found(self, diary: Diary, other: Diary) -> None:
        theirs = await other.create(exercises=squats(60))
        for to_theirs, to_nobodys in zip(
            calls_on(diary, theirs.id), calls_on(diary, SOME_UUID), strict=True
        ):
            errors = []
            for call in (to_theirs, to_nobodys):
                with pytest.raises(CallError) as raised:
                    await call
                errors.append(raised.value)
            # The two are indistinguishable.
            assert errors[0].code == StatusCode.NOT_FOUND
            assert errors[0].details == errors[1].details
        assert await other.all(view="full") == [theirs]
        assert await diary.all(view="full") == []
        assert list((await diary.changes()).changes) == []
        assert (await diary.stats()).count == 0

    async def test_validates_before_looking_up_workout(self, diary: Diary, other: Diary) -> None:
        theirs = await other.create()
        for workout_id in (theirs.id, SOME_UUID):
            with violates("patch.duration"):
                await diary.patch(workout_id, duration=0)
            with violates("patch.date"):
                await diary.patch(workout_id, date="2023-02-29")

    async def test_rejects_invalid_id_in_every_call(self, diary: Diary) -> None:
        for wrong in ("x", SOME_UUID[:-1], SOME_UUID.replace("-", "")):
            for call in calls_on(diary, wrong):
                with violates("id"):
                    await call

    async def test_rejects_call_without_valid_token(self, client: Client) -> None:
        for name, request in CALLS.items():
            call = getattr(client.workouts, name)
            with refused(StatusCode.UNAUTHENTICATED):
                await call(request)
            with refused(StatusCode.UNAUTHENTICATED):
                await call(request, metadata=[("authorization", "Bearer x.y.z")])
