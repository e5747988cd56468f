"""The statement that stores workouts with their exercises, sets and figures.

One statement for one workout and for thousands: all values are arrays. Figures are computed here
from the sets, as the comments of exercise.proto define them.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from server.libraries.common.text import caseless
from server.libraries.database.statement import Statement
from server.services.workout.digest import digest_of_exercises
from server.services.workout.model import (
    KILOGRAMS,
    MAX_STORED_SETS,
    MAX_WORKOUTS,
    Exercise,
    Set,
    Workout,
)
from server.services.workout.size import size_of

# Sets are compared as arrays: by weight, repetitions, and their position, where the first wins.
# `best` holds the estimated one-repetition maximum times 30, which is exact.
_WITH = """
WITH new_workout AS (
    SELECT * FROM unnest(
        CAST(:ids AS uuid[]), CAST(:dates AS date[]), CAST(:types AS text[]),
        CAST(:type_keys AS text[]), CAST(:durations AS integer[]), CAST(:notes AS text[]),
        CAST(:start_times AS text[]), CAST(:sources AS text[]), CAST(:created AS timestamptz[]),
        CAST(:exercises_digests AS bytea[]), CAST(:imported_digests AS bytea[]),
        CAST(:sizes AS integer[]), CAST(:exercise_counts AS integer[]),
        CAST(:set_counts AS integer[])
    ) WITH ORDINALITY AS workout (
        id, date, type, type_key, duration, notes, start_time, source, created, exercises_digest,
        imported_digest, size, exercise_count, set_count, number
    )
), new_exercise AS (
    SELECT * FROM unnest(
        CAST(:exercise_workouts AS integer[]), CAST(:exercise_positions AS smallint[]),
        CAST(:names AS text[]), CAST(:name_keys AS text[]), CAST(:exercise_notes AS text[]),
        CAST(:supersets AS smallint[])
    ) WITH ORDINALITY AS exercise (workout, position, name, name_key, notes, superset, number)
), new_set AS MATERIALIZED (
    SELECT exercise.workout, exercise.position AS exercise, exercise.name_key, one.*,
        kind IS DISTINCT FROM 'warmup' AND completed IS NOT FALSE AS is_working,
        weight * CASE weight_unit WHEN 'lb' THEN {pound} ELSE 1 END AS kilograms,
        distance * CASE distance_unit
            WHEN 'km' THEN 1000 WHEN 'mi' THEN 1609.344 WHEN 'yd' THEN 0.9144 ELSE 1
        END AS metres
    FROM (
        SELECT exercise_number, position, kind, reps, CAST(weight AS numeric(8, 3)) AS weight,
            weight_unit, CAST(distance AS numeric(11, 3)) AS distance, distance_unit, duration,
            CAST(rpe AS numeric(3, 1)) AS rpe, completed, notes
        FROM unnest(
            CAST(:set_exercises AS integer[]), CAST(:set_positions AS smallint[]),
            CAST(:kinds AS text[]), CAST(:reps AS integer[]),
            CAST(:weights AS double precision[]), CAST(:weight_units AS text[]),
            CAST(:distances AS double precision[]), CAST(:distance_units AS text[]),
            CAST(:set_durations AS integer[]), CAST(:rpes AS double precision[]),
            CAST(:completed AS boolean[]), CAST(:set_notes AS text[])
        ) AS given (
            exercise_number, position, kind, reps, weight, weight_unit, distance, distance_unit,
            duration, rpe, completed, notes
        )
    ) AS one
    JOIN new_exercise AS exercise ON exercise.number = one.exercise_number
), session AS MATERIALIZED (
    SELECT workout, name_key, count(*) AS sets, coalesce(sum(reps), 0) AS reps,
        coalesce(sum(kilograms * reps) FILTER (WHERE kilograms > 0), 0) AS volume,
        sum(metres) AS distance, sum(duration) AS duration, nullif(max(reps), 0) AS max_reps,
        nullif(max(metres), 0) AS max_distance, nullif(max(duration), 0) AS max_duration,
        min(exercise) AS first_exercise,
        max(ARRAY[
            CASE WHEN coalesce(reps, 1) > 0 AND kilograms IS NOT NULL THEN kilograms
                ELSE '-Infinity' END,
            coalesce(reps, -1), -exercise, -position
        ]) AS top,
        max(ARRAY[
            kilograms * CASE reps WHEN 1 THEN 30 ELSE 30 + reps END, -exercise, -position
        ]) FILTER (WHERE kilograms > 0 AND reps BETWEEN 1 AND 12) AS best
    FROM new_set WHERE is_working
    GROUP BY workout, name_key
), total AS (
    SELECT workout, sum(sets) AS sets, sum(volume) AS volume FROM session GROUP BY workout
), clock AS MATERIALIZED (
    SELECT {revision} AS revision
), stored AS (
    INSERT INTO workouts AS old (
        user_id, id, date, type, type_key, duration, notes, start_time, source, created, updated,
        revision, exercises_digest, imported_digest, size, exercise_count, set_count, working_sets,
        volume
    )
    SELECT :owner_id, workout.id, workout.date, workout.type, workout.type_key, workout.duration,
        workout.notes, workout.start_time, workout.source,
        coalesce(workout.created, clock_timestamp()), clock_timestamp(), clock.revision,
        workout.exercises_digest, workout.imported_digest, workout.size, workout.exercise_count,
        workout.set_count, coalesce(total.sets, 0), coalesce(total.volume, 0)
    FROM clock CROSS JOIN new_workout AS workout LEFT JOIN total ON total.workout = workout.number
    {condition}
    ON CONFLICT (user_id, id) DO {on_conflict}
    RETURNING id, date, created, updated
), kept AS (
    SELECT workout.number, stored.* FROM stored JOIN new_workout AS workout USING (id)
), stored_exercise AS (
    INSERT INTO workout_exercises (user_id, workout_id, position, name, name_key, notes, superset)
    SELECT :owner_id, kept.id, position, name, name_key, notes, superset
    FROM new_exercise JOIN kept ON kept.number = workout
), stored_set AS (
    INSERT INTO workout_sets (
        user_id, workout_id, exercise, position, kind, reps, weight, weight_unit, distance,
        distance_unit, duration, rpe, completed, notes
    )
    SELECT :owner_id, kept.id, exercise, position, kind, reps, weight, weight_unit, distance,
        distance_unit, duration, rpe, completed, notes
    FROM new_set JOIN kept ON kept.number = workout
), stored_session AS (
    INSERT INTO exercise_sessions (
        user_id, name_key, date, workout_id, created, name, sets, reps, volume, distance, duration,
        top_exercise, top_set, top_weight, top_reps, best_exercise, best_set, best_estimate,
        max_reps, max_distance, max_duration
    )
    SELECT :owner_id, session.name_key, kept.date, kept.id, kept.created, exercise.name, sets, reps,
        volume, distance, duration, -top[3], -top[4], nullif(top[1], '-Infinity'),
        nullif(top[2], -1), -best[2], -best[3], best[1], max_reps, max_distance, max_duration
    FROM session
    JOIN kept ON kept.number = session.workout
    JOIN new_exercise AS exercise
        ON exercise.workout = session.workout AND exercise.position = session.first_exercise
)
SELECT id, created, updated FROM stored
"""
_REPLACE = """UPDATE SET
        date = excluded.date, type = excluded.type, type_key = excluded.type_key,
        duration = excluded.duration, notes = excluded.notes, start_time = excluded.start_time,
        source = excluded.source, updated = excluded.updated, revision = excluded.revision,
        exercises_digest = excluded.exercises_digest, imported_digest = excluded.imported_digest,
        size = excluded.size, exercise_count = excluded.exercise_count,
        set_count = excluded.set_count, working_sets = excluded.working_sets,
        volume = excluded.volume"""
# The sums of each day, which a trigger maintains, tell how much a user has stored.
_HAS_ROOM = """WHERE (
        SELECT coalesce(sum(day.count), 0) < :max_workouts
            AND coalesce(sum(day.set_count), 0) + workout.set_count <= :max_sets
        FROM workout_days AS day WHERE day.user_id = :owner_id
    )"""

_ARRAY = re.compile(r"CAST\(:\w+ AS [a-z ]+\[\]\)")


def _planned_once(sql: str) -> str:
    """Return the statement with arrays whose lengths the planner does not see.

    If it sees them, it plans the statement anew for each call. That is right for thousands of sets,
    but takes a third of the time of a single workout.
    """
    return _ARRAY.sub(lambda array: f"(SELECT {array[0]})", sql)


def _storing(revision: str, condition: str, on_conflict: str) -> str:
    return _WITH.format(
        revision=revision, condition=condition, on_conflict=on_conflict, pound=KILOGRAMS["lb"]
    )


# NULL if the user was deleted; the foreign key rejects the rows then.
_NEXT_REVISION = "coalesce(next_workout_revision(:owner_id), 0)"
# Adds a workout if its id is not in use and there is room.
ADD = Statement(
    text(_planned_once(_storing(_NEXT_REVISION, _HAS_ROOM, "NOTHING"))).bindparams(
        max_workouts=MAX_WORKOUTS, max_sets=MAX_STORED_SETS
    )
)
_STORE = _storing("CAST(:revision AS bigint)", "WHERE true", _REPLACE)
# Adds workouts, or replaces those with their ids: many, or one. Run REMOVE_EXERCISES first.
STORE_MANY = Statement(text(_STORE))
STORE = Statement(text(_planned_once(_STORE)))
REMOVE_EXERCISES = Statement(
    text("""
WITH old_exercise AS (
    DELETE FROM workout_exercises
    WHERE user_id = :owner_id AND workout_id = ANY(CAST(:ids AS uuid[]))
    RETURNING workout_id, name_key
), old_set AS (
    DELETE FROM workout_sets
    WHERE user_id = :owner_id AND workout_id = ANY(CAST(:ids AS uuid[]))
)
DELETE FROM exercise_sessions AS session
USING workouts AS workout, (SELECT DISTINCT workout_id, name_key FROM old_exercise) AS exercise
WHERE workout.user_id = :owner_id AND workout.id = exercise.workout_id
    AND session.user_id = :owner_id AND session.name_key = exercise.name_key
    AND session.date = workout.date AND session.workout_id = workout.id
""")
)


@dataclass(frozen=True, slots=True)
class NewWorkout:
    """A workout to store.

    `created` is None for the present. `imported_digest` is the digest of the file's contents, None
    if it was not imported.
    """

    workout: Workout
    source: str = ""
    created: datetime | None = None
    imported_digest: bytes | None = None


def arguments(owner_id: UUID, new: Sequence[NewWorkout]) -> dict[str, Any]:
    """Return the parameters of ADD, and of the others but for `revision`."""
    workouts = [each.workout for each in new]
    exercises = [
        (number, position, exercise)
        for number, workout in enumerate(workouts, start=1)
        for position, exercise in enumerate(workout.exercises)
    ]
    return {
        "owner_id": owner_id,
        **_workout_columns(new, workouts),
        **_exercise_columns(exercises),
        **_set_columns(exercise for _, _, exercise in exercises),
    }


def _workout_columns(new: Sequence[NewWorkout], workouts: Sequence[Workout]) -> dict[str, Any]:
    return {
        "ids": [each.id for each in workouts],
        "dates": [each.date for each in workouts],
        "types": [each.type for each in workouts],
        "type_keys": [caseless(each.type) for each in workouts],
        "durations": [each.duration for each in workouts],
        "notes": [each.notes for each in workouts],
        "start_times": [each.start_time for each in workouts],
        "sources": [each.source for each in new],
        "created": [each.created for each in new],
        "exercises_digests": [digest_of_exercises(each.exercises) for each in workouts],
        "imported_digests": [each.imported_digest for each in new],
        "sizes": [size_of(each.exercises) for each in workouts],
        "exercise_counts": [len(each.exercises) for each in workouts],
        "set_counts": [each.set_count for each in workouts],
    }


def _exercise_columns(exercises: Sequence[tuple[int, int, Exercise]]) -> dict[str, Any]:
    return {
        "exercise_workouts": [number for number, _, _ in exercises],
        "exercise_positions": [position for _, position, _ in exercises],
        "names": [one.name for _, _, one in exercises],
        "name_keys": [caseless(one.name) for _, _, one in exercises],
        "exercise_notes": [one.notes or None for _, _, one in exercises],
        "supersets": [one.superset for _, _, one in exercises],
    }


_SET_PARAMETERS = (
    *("kinds", "reps", "weights", "weight_units", "distances", "distance_units"),
    *("set_durations", "rpes", "completed"),
)


def _set_columns(exercises: Iterable[Exercise]) -> dict[str, Any]:
    numbers: list[int] = []
    positions: list[int] = []
    sets: list[Set] = []
    for number, exercise in enumerate(exercises, start=1):
        numbers += [number] * len(exercise.sets)
        positions += range(len(exercise.sets))
        sets += exercise.sets
    *columns, notes = zip(*sets, strict=True) if sets else [()] * (len(_SET_PARAMETERS) + 1)
    return {
        "set_exercises": numbers,
        "set_positions": positions,
        **dict(zip(_SET_PARAMETERS, columns, strict=True)),
        "set_notes": [each or None for each in notes],
    }
