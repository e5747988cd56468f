"""A user's training log as a client of ExerciseService sees it."""

from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

import asyncpg
from gymlocker.v2 import exercise_pb2, training_pb2, workout_pb2

from tests.support.client import Client, bearer

Set = training_pb2.WorkoutSet
Exercise = training_pb2.WorkoutExercise


def kg(value: float, reps: int | None = None, **fields: Any) -> Set:
    """Return a set with a weight in kilograms."""
    return Set(weight=training_pb2.SetWeight(value=value, unit="kg"), reps=reps, **fields)


def lb(value: float, reps: int | None = None, **fields: Any) -> Set:
    """Return a set with a weight in pounds."""
    return Set(weight=training_pb2.SetWeight(value=value, unit="lb"), reps=reps, **fields)


def run(value: float, unit: str, seconds: int | None = None) -> Set:
    """Return a set with a distance."""
    distance = training_pb2.SetDistance(value=value, unit=unit)
    return Set(distance=distance, duration_seconds=seconds)


def exercise(name: str, *sets: Set) -> Exercise:
    return Exercise(name=name, sets=sets)


@dataclass(frozen=True)
class Log:
    """The training log of one user, over one transport."""

    client: Client
    credentials: list[tuple[str, str]]
    user_id: str = ""

    @classmethod
    async def of_new_user(cls, client: Client) -> Self:
        """Return the log of a new user."""
        user = await client.new_user()
        return cls(client, bearer(await client.login(user)), user.id)

    async def clear(self, database: asyncpg.Connection) -> None:
        """Delete all workouts."""
        await database.execute("DELETE FROM workouts WHERE user_id = $1", UUID(self.user_id))

    async def add(self, date: str, *exercises: Exercise) -> str:
        """Add a workout; return its id."""
        request = workout_pb2.CreateWorkoutRequest(
            date=date, type="Lifting", duration=60, exercises=exercises
        )
        created = await self.client.workouts.CreateWorkout(request, metadata=self.credentials)
        return created.id

    async def replace(self, workout_id: str, *exercises: Exercise) -> None:
        """Replace the exercises of a workout."""
        request = workout_pb2.UpdateWorkoutRequest(
            id=workout_id, patch=workout_pb2.WorkoutPatch(exercises=exercises)
        )
        request.update_mask.paths.append("exercises")
        await self.client.workouts.UpdateWorkout(request, metadata=self.credentials)

    async def move(self, workout_id: str, date: str) -> None:
        """Change the date of a workout."""
        request = workout_pb2.UpdateWorkoutRequest(
            id=workout_id, patch=workout_pb2.WorkoutPatch(date=date)
        )
        await self.client.workouts.UpdateWorkout(request, metadata=self.credentials)

    async def delete(self, workout_id: str) -> None:
        """Delete a workout."""
        request = workout_pb2.DeleteWorkoutRequest(id=workout_id)
        await self.client.workouts.DeleteWorkout(request, metadata=self.credentials)

    async def page(self, **fields: Any) -> exercise_pb2.ListExercisesResponse:
        """Return a page of exercises."""
        request = exercise_pb2.ListExercisesRequest(**fields)
        return await self.client.exercises.ListExercises(request, metadata=self.credentials)

    async def exercises(self, **fields: Any) -> list[exercise_pb2.ExerciseSummary]:
        """Return all exercises, read page by page."""
        page = await self.page(**fields)
        found = list(page.exercises)
        while page.next_page_token:
            page = await self.page(**fields, page_token=page.next_page_token)
            found += page.exercises
        return found

    async def progress(self, name: str, **fields: Any) -> list[exercise_pb2.ProgressPoint]:
        """Return the progress of an exercise."""
        request = exercise_pb2.GetExerciseProgressRequest(name=name, **fields)
        response = await self.client.exercises.GetExerciseProgress(
            request, metadata=self.credentials
        )
        return list(response.points)

    async def records(self, **fields: Any) -> list[exercise_pb2.Record]:
        """Return the records."""
        request = exercise_pb2.ListRecordsRequest(**fields)
        response = await self.client.exercises.ListRecords(request, metadata=self.credentials)
        return list(response.records)

    async def record(self, kind: str, **fields: Any) -> exercise_pb2.Record | None:
        """Return the record of a kind."""
        found = [one for one in await self.records(**fields) if one.kind == kind]
        assert len(found) <= 1
        return found[0] if found else None
