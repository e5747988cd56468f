"""Rows of workouts: the columns that are read, and what they are converted to."""

import json
from collections.abc import Sequence
from typing import Any

import asyncpg
from sqlalchemy import Text, func, literal_column

from server.libraries.common.cooperation import convert
from server.libraries.database.schema import workouts
from server.services.workout.digest import digest_of
from server.services.workout.model import Exercise, Set, StoredWorkout, Workout

COLUMNS = (
    workouts.c.id,
    workouts.c.date,
    workouts.c.type,
    workouts.c.duration,
    workouts.c.notes,
    workouts.c.start_time,
    workouts.c.source,
    workouts.c.created,
    workouts.c.updated,
    workouts.c.exercises_digest,
    workouts.c.exercise_count,
    workouts.c.set_count,
)
# The bytes of a response that a workout takes: its columns, its texts and its exercises.
_COLUMN_BYTES = 300
SIZE = (
    _COLUMN_BYTES
    + func.octet_length(workouts.c.type)
    + func.octet_length(workouts.c.notes)
    + workouts.c.size
)
# All exercises of the row of `workouts`, with their sets, as arrays in JSON: a value that is
# decoded in C, and that the same statement reads as the row itself.
EXERCISES = literal_column(
    """CASE WHEN workouts.exercise_count > 0 THEN (
    SELECT json_agg(
        json_build_array(exercise.name, exercise.notes, exercise.superset, (
            SELECT json_agg(
                json_build_array(one.kind, one.reps, one.weight, one.weight_unit, one.distance,
                    one.distance_unit, one.duration, one.rpe, one.completed, one.notes)
                ORDER BY one.position
            )
            FROM workout_sets AS one
            WHERE one.user_id = exercise.user_id AND one.workout_id = exercise.workout_id
                AND one.exercise = exercise.position
        ))
        ORDER BY exercise.position
    )
    FROM workout_exercises AS exercise
    WHERE exercise.user_id = workouts.user_id AND exercise.workout_id = workouts.id
)::text END""",
    Text,
).label("exercises")


def stored_workout(row: asyncpg.Record) -> StoredWorkout:
    """Return the workout of a row, with its exercises if the row has them."""
    workout = Workout(
        row["id"],
        row["date"],
        row["type"],
        row["duration"],
        row["notes"],
        row["start_time"],
        _exercises(row.get("exercises")),
    )
    return StoredWorkout(
        workout,
        row["source"],
        row["created"],
        row["updated"] or row["created"],
        digest_of(workout, row["exercises_digest"]),
        row["exercise_count"],
        row["set_count"],
    )


async def stored_workouts(rows: Sequence[asyncpg.Record]) -> list[StoredWorkout]:
    """Return the workouts of rows without blocking the event loop for long."""
    return await convert(rows, stored_workout, weight=lambda row: row["set_count"])


def _exercises(text: str | None) -> tuple[Exercise, ...]:
    return tuple(map(_exercise, json.loads(text))) if text else ()


def _exercise(values: list[Any]) -> Exercise:
    name, notes, superset, sets = values
    return Exercise(name, notes or "", superset, tuple(map(_set, sets or ())))


def _set(values: list[Any]) -> Set:
    if values[-1] is None:
        values[-1] = ""
    return Set(*values)
