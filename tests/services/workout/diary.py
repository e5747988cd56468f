"""A user's training diary as a client sees it, and assertions on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from grpc import StatusCode
from gymlocker.v2 import auth_pb2, workout_pb2

from server.programs.demo.transport import CallError
from tests.support.client import Client, User, bearer, violated_fields
from tests.support.rest import Json

Workout = workout_pb2.Workout

# For tests that do not depend on the transport.
over_grpc = pytest.mark.parametrize("transport", ["grpc"], indirect=True)

# A valid workout.
FIELDS = {"date": "2026-02-07", "type": "Running", "duration": 30, "notes": "Easy pace"}
# Another one, which differs in every field.
CHANGED = {"date": "2025-12-31", "type": "Yoga", "duration": 45, "notes": "Slow"}

# Fields that the server sets.
OUTPUT = ("source", "create_time", "update_time", "etag", "exercise_count", "set_count")
TABLES = (
    *("workouts", "workout_days", "workout_exercises", "workout_sets", "exercises"),
    *("exercise_sessions", "workout_deletions", "workout_clocks"),
)


@dataclass(frozen=True)
class Diary:
    """The workouts of one user, over one transport."""

    client: Client
    user: User
    tokens: auth_pb2.Tokens

    @property
    def credentials(self) -> list[tuple[str, str]]:
        """Return the metadata of the owner's calls."""
        return bearer(self.tokens)

    async def create(self, **fields: Any) -> Workout:
        """Add the workout `FIELDS`, changed by `fields`."""
        request = workout_pb2.CreateWorkoutRequest(**{**FIELDS, **fields})
        return await self.client.workouts.CreateWorkout(request, metadata=self.credentials)

    async def get(self, workout_id: str) -> Workout:
        """Return a workout."""
        request = workout_pb2.GetWorkoutRequest(id=workout_id)
        return await self.client.workouts.GetWorkout(request, metadata=self.credentials)

    async def page(self, **fields: Any) -> workout_pb2.ListWorkoutsResponse:
        """Return a page of workouts."""
        request = workout_pb2.ListWorkoutsRequest(**fields)
        return await self.client.workouts.ListWorkouts(request, metadata=self.credentials)

    async def pages(self, **fields: Any) -> list[list[Workout]]:
        """Return all pages of workouts."""
        page = await self.page(**fields)
        pages = [list(page.workouts)]
        while page.next_page_token:
            page = await self.page(**fields, page_token=page.next_page_token)
            pages.append(list(page.workouts))
        return pages

    async def all(self, **fields: Any) -> list[Workout]:
        """Return all workouts, read page by page."""
        return [workout for page in await self.pages(**fields) for workout in page]

    async def replace(self, workout_id: str, **fields: Any) -> Workout:
        """Replace all fields of a workout."""
        replacement = workout_pb2.WorkoutReplacement(**fields)
        return await self.update(id=workout_id, replacement=replacement)

    async def patch(self, workout_id: str, *mask: str, **fields: Any) -> Workout:
        """Patch a workout, with an update mask if one is given."""
        request = workout_pb2.UpdateWorkoutRequest(
            id=workout_id, patch=workout_pb2.WorkoutPatch(**fields)
        )
        request.update_mask.paths.extend(mask)
        if not mask:
            request.ClearField("update_mask")
        return await self._update(request)

    async def update(self, **fields: Any) -> Workout:
        """Send an UpdateWorkoutRequest."""
        return await self._update(workout_pb2.UpdateWorkoutRequest(**fields))

    async def _update(self, request: workout_pb2.UpdateWorkoutRequest) -> Workout:
        return await self.client.workouts.UpdateWorkout(request, metadata=self.credentials)

    async def delete(self, workout_id: str, etag: str = "") -> workout_pb2.DeleteWorkoutResponse:
        """Delete a workout."""
        request = workout_pb2.DeleteWorkoutRequest(id=workout_id, etag=etag)
        return await self.client.workouts.DeleteWorkout(request, metadata=self.credentials)

    async def changes(
        self, cursor: str = "", page_size: int = 0
    ) -> workout_pb2.ListWorkoutChangesResponse:
        """Return a page of changes."""
        request = workout_pb2.ListWorkoutChangesRequest(cursor=cursor, page_size=page_size)
        return await self.client.workouts.ListWorkoutChanges(request, metadata=self.credentials)

    async def stats(self, **fields: Any) -> workout_pb2.GetWorkoutStatsResponse:
        """Return the statistics."""
        request = workout_pb2.GetWorkoutStatsRequest(**fields)
        return await self.client.workouts.GetWorkoutStats(request, metadata=self.credentials)


def entered(workout: Workout) -> Workout:
    """Return a copy of a workout without the fields of OUTPUT."""
    copy = Workout()
    copy.CopyFrom(workout)
    for name in OUTPUT:
        copy.ClearField(name)  # type: ignore[arg-type]
    return copy


def entered_json(workout: Json) -> Json:
    """Return a workout in JSON without the fields of OUTPUT, which it must have."""
    names = {field.json_name for field in Workout.DESCRIPTOR.fields if field.name in OUTPUT}
    assert workout.keys() >= names
    return {name: value for name, value in workout.items() if name not in names}


async def diary_of(client: Client, user: User) -> Diary:
    """Return the diary of `user`, in a new session."""
    return Diary(client, user, await client.login(user))


@contextmanager
def violates(*fields: str) -> Iterator[None]:
    """Expect a call inside to be rejected for exactly these `fields`.

    A field may be reported twice: a text can be too long and malformed at once.
    """
    with pytest.raises(CallError) as raised:
        yield
    assert raised.value.code == StatusCode.INVALID_ARGUMENT
    assert set(violated_fields(raised.value)) == set(fields)


async def sums_are_correct(database: asyncpg.Connection, *user_ids: str) -> bool:
    """Check whether the daily sums of these users equal the sums of their workouts."""
    ids = [UUID(user_id) for user_id in user_ids]
    kept = await database.fetch(
        """
        SELECT user_id, date::text, type_key, count, minutes FROM workout_days
        WHERE user_id = ANY($1) ORDER BY 1, 2, 3
        """,
        ids,
    )
    counted = await database.fetch(
        """
        SELECT user_id, date::text, type_key, count(*), sum(duration) FROM workouts
        WHERE user_id = ANY($1) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        """,
        ids,
    )
    return [tuple(row) for row in kept] == [tuple(row) for row in counted]
