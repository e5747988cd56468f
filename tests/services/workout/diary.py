"""A training diary as its owner sees it, and the words that its tests are written in."""

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

Workout = workout_pb2.Workout

# For what does not depend on the way to call.
over_grpc = pytest.mark.parametrize("transport", ["grpc"], indirect=True)

# A workout without fault.
FIELDS = {"date": "2026-02-07", "type": "Running", "duration": 30, "notes": "Easy pace"}
# Another, which has nothing in common with it.
CHANGED = {"date": "2025-12-31", "type": "Yoga", "duration": 45, "notes": "Slow"}

TABLES = ("workouts", "workout_days")


@dataclass(frozen=True)
class Diary:
    """The workouts of one user, over one way to call."""

    client: Client
    user: User
    tokens: auth_pb2.Tokens

    @property
    def credentials(self) -> list[tuple[str, str]]:
        """The metadata of the owner's calls."""
        return bearer(self.tokens)

    async def create(self, **fields: Any) -> Workout:
        """Adds a workout, of which `fields` say what is not as in `FIELDS`."""
        request = workout_pb2.CreateWorkoutRequest(**{**FIELDS, **fields})
        return await self.client.workouts.CreateWorkout(request, metadata=self.credentials)

    async def get(self, workout_id: str) -> Workout:
        """Reads a workout."""
        request = workout_pb2.GetWorkoutRequest(id=workout_id)
        return await self.client.workouts.GetWorkout(request, metadata=self.credentials)

    async def page(self, **fields: Any) -> workout_pb2.ListWorkoutsResponse:
        """Reads a page of workouts."""
        request = workout_pb2.ListWorkoutsRequest(**fields)
        return await self.client.workouts.ListWorkouts(request, metadata=self.credentials)

    async def pages(self, **fields: Any) -> list[list[Workout]]:
        """Reads workouts page by page."""
        page = await self.page(**fields)
        pages = [list(page.workouts)]
        while page.next_page_token:
            page = await self.page(**fields, page_token=page.next_page_token)
            pages.append(list(page.workouts))
        return pages

    async def all(self, **fields: Any) -> list[Workout]:
        """Reads all workouts."""
        return [workout for page in await self.pages(**fields) for workout in page]

    async def replace(self, workout_id: str, **fields: Any) -> Workout:
        """Makes `fields` all that a workout says."""
        replacement = workout_pb2.WorkoutReplacement(**fields)
        return await self.update(id=workout_id, replacement=replacement)

    async def patch(self, workout_id: str, *mask: str, **fields: Any) -> Workout:
        """Changes `fields` of a workout, or what `mask` names."""
        request = workout_pb2.UpdateWorkoutRequest(
            id=workout_id, patch=workout_pb2.WorkoutPatch(**fields)
        )
        request.update_mask.paths.extend(mask)
        if not mask:
            request.ClearField("update_mask")
        return await self._update(request)

    async def update(self, **fields: Any) -> Workout:
        """Changes a workout."""
        return await self._update(workout_pb2.UpdateWorkoutRequest(**fields))

    async def _update(self, request: workout_pb2.UpdateWorkoutRequest) -> Workout:
        return await self.client.workouts.UpdateWorkout(request, metadata=self.credentials)

    async def delete(self, workout_id: str) -> workout_pb2.DeleteWorkoutResponse:
        """Deletes a workout."""
        request = workout_pb2.DeleteWorkoutRequest(id=workout_id)
        return await self.client.workouts.DeleteWorkout(request, metadata=self.credentials)

    async def stats(self, **fields: Any) -> workout_pb2.GetWorkoutStatsResponse:
        """Reads the figures."""
        request = workout_pb2.GetWorkoutStatsRequest(**fields)
        return await self.client.workouts.GetWorkoutStats(request, metadata=self.credentials)


async def diary_of(client: Client, user: User) -> Diary:
    """The diary of `user`, in a session of its own."""
    return Diary(client, user, await client.login(user))


@contextmanager
def blamed(*fields: str) -> Iterator[None]:
    """Expects that a call inside is refused, and that exactly `fields` are to blame.

    A field may be blamed twice: a text can be both too long and of the wrong form.
    """
    with pytest.raises(CallError) as raised:
        yield
    assert raised.value.code == StatusCode.INVALID_ARGUMENT
    assert set(violated_fields(raised.value)) == set(fields)


async def sums_are_right(database: asyncpg.Connection, *user_ids: str) -> bool:
    """Whether the sums of each day are what the workouts of these users add up to."""
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
