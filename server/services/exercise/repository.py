"""The repository of exercises and their figures."""

import datetime as dt
from uuid import UUID

import asyncpg
from gymlocker.v2 import exercise_pb2, training_pb2

from server.libraries.common.text import caseless
from server.libraries.database.pool import Database
from server.services.exercise.statements import KINDS, LIST, PROGRESS, RECORDS, RECORDS_OF
from server.services.workout.messages import capped, set_message
from server.services.workout.model import KILOGRAMS, Set


class ExerciseRepository:
    """Repository of exercises. Units are keys of KILOGRAMS."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, owner_id: UUID, part: str, after: str, limit: int, unit: str
    ) -> list[tuple[str, exercise_pb2.ExerciseSummary]]:
        """Return up to `limit` exercises whose name contains `part`, each with its key.

        They are in the order of their keys, and `after` is a key.
        """
        rows = await self._database.fetch(
            LIST,
            owner_id=owner_id,
            part=caseless(part),
            after=after,
            limit=limit,
            kilograms=KILOGRAMS[unit],
        )
        return [(row["name_key"], _summary(row)) for row in rows]

    async def progress(
        self, owner_id: UUID, name: str, start_date: dt.date, end_date: dt.date, unit: str
    ) -> list[exercise_pb2.ProgressPoint]:
        """Return the last points of an exercise between two dates, oldest first."""
        rows = await self._database.fetch(
            PROGRESS,
            owner_id=owner_id,
            name_key=caseless(name),
            start_date=start_date,
            end_date=end_date,
            kilograms=KILOGRAMS[unit],
        )
        return [_point(row) for row in rows]

    async def records(self, owner_id: UUID, name: str, unit: str) -> list[exercise_pb2.Record]:
        """Return the records of the exercise `name`, or of all exercises."""
        rows = await self._database.fetch(
            RECORDS_OF if name else RECORDS,
            owner_id=owner_id,
            name_key=caseless(name),
            kilograms=KILOGRAMS[unit],
        )
        return [_record(row, unit) for row in rows]


def _summary(row: asyncpg.Record) -> exercise_pb2.ExerciseSummary:
    return exercise_pb2.ExerciseSummary(
        name=row["name"],
        workouts=row["workouts"],
        sets=row["sets"],
        last_date=row["date"].isoformat(),
        estimated_one_rep_max=row["estimate"],
        best_set=_set(row) if row["has_best"] else None,
    )


def _point(row: asyncpg.Record) -> exercise_pb2.ProgressPoint:
    return exercise_pb2.ProgressPoint(
        date=row["date"].isoformat(),
        workout_id=str(row["workout_id"]),
        top_set=_set(row),
        estimated_one_rep_max=row["estimate"],
        volume=row["volume"],
        sets=row["sets"],
        reps=row["reps"],
        distance=row["distance"],
        duration_seconds=None if row["duration"] is None else capped(row["duration"]),
    )


def _record(row: asyncpg.Record, unit: str) -> exercise_pb2.Record:
    kind, unit_of_kind = KINDS[row["kind"]]
    return exercise_pb2.Record(
        exercise=row["name"],
        kind=kind,
        value=row["value"],
        unit=unit_of_kind or unit,
        reps=row["reps"],
        date=row["date"].isoformat(),
        workout_id=str(row["workout_id"]),
    )


def _set(row: asyncpg.Record) -> training_pb2.WorkoutSet:
    """Return the set of a row as it was entered."""
    return set_message(
        Set(
            row["kind"],
            row["set_reps"],
            row["weight"],
            row["weight_unit"],
            row["set_distance"],
            row["distance_unit"],
            row["set_duration"],
            row["rpe"],
            row["completed"],
            row["notes"] or "",
        )
    )
