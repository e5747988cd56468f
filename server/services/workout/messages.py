"""Conversions between workouts and their messages."""

import datetime as dt
from collections.abc import Iterable
from uuid import UUID

from google.protobuf.message import Message
from gymlocker.v2 import training_pb2, workout_pb2

from server.libraries.rpc.conversions import date_of, invalid_field, set_time
from server.services.workout.model import (
    DECIMALS,
    MAX_WORKOUT_BYTES,
    Exercise,
    Set,
    StoredWorkout,
    Workout,
)

# Maximum of an int32 field: 4,083 years of minutes, or 68 years of seconds.
MAX_SUM = 2**31 - 1


def capped(value: int) -> int:
    """Return a sum of times as an int32 field can hold it."""
    return min(value, MAX_SUM)


def workout_message(stored: StoredWorkout) -> workout_pb2.Workout:
    """Return the message of a workout."""
    workout = stored.workout
    message = workout_pb2.Workout(
        id=str(workout.id),
        date=workout.date.isoformat(),
        type=workout.type,
        duration=workout.duration,
        notes=workout.notes,
        start_time=workout.start_time or None,
        exercises=map(_exercise_message, workout.exercises),
        source=stored.source,
        etag=stored.digest.hex(),
        exercise_count=stored.exercise_count,
        set_count=stored.set_count,
    )
    set_time(message.create_time, stored.created)
    set_time(message.update_time, stored.updated)
    return message


def change_message(change: StoredWorkout | UUID) -> workout_pb2.WorkoutChange:
    """Return the message of a changed workout, or of the id of a deleted one."""
    if isinstance(change, UUID):
        return workout_pb2.WorkoutChange(deleted_id=str(change))
    return workout_pb2.WorkoutChange(workout=workout_message(change))


def workout_of(
    message: workout_pb2.CreateWorkoutRequest | workout_pb2.WorkoutReplacement,
    workout_id: UUID,
    path: str = "",
) -> Workout:
    """Return the workout in a request, in which it is at `path`. Raises InvalidArgument."""
    return Workout(
        workout_id,
        date_of(message.date, f"{path}date"),
        message.type.strip(),
        message.duration,
        message.notes,
        start_time_of(message.start_time, f"{path}start_time"),
        exercises_of(message.exercises, f"{path}exercises"),
    )


def start_time_of(text: str, path: str) -> str:
    """Check a time whose form was validated, and return it. Raises InvalidArgument."""
    if text:
        try:
            dt.datetime.fromisoformat(text.upper())
        except ValueError:
            raise invalid_field(path, "there is no such time") from None
    return text


def exercises_of(
    messages: Iterable[training_pb2.WorkoutExercise], path: str
) -> tuple[Exercise, ...]:
    """Return the exercises of a request. Raises InvalidArgument."""
    return tuple(
        Exercise(
            message.name.strip(),
            message.notes,
            message.superset if message.HasField("superset") else None,
            tuple(
                _set_of(one, f"{path}[{number}].sets[{index}]")
                for index, one in enumerate(message.sets)
            ),
        )
        for number, message in enumerate(messages)
    )


def require_size(message: Message, path: str) -> None:
    """Raise InvalidArgument if a workout in a request has more than MAX_WORKOUT_BYTES."""
    if message.ByteSize() > MAX_WORKOUT_BYTES:
        raise invalid_field(path, f"a workout must have at most {MAX_WORKOUT_BYTES:,} bytes")


def _exercise_message(exercise: Exercise) -> training_pb2.WorkoutExercise:
    return training_pb2.WorkoutExercise(
        name=exercise.name,
        notes=exercise.notes or None,
        superset=exercise.superset,
        sets=map(set_message, exercise.sets),
    )


def set_message(one: Set) -> training_pb2.WorkoutSet:
    """Return the message of a set."""
    message = training_pb2.WorkoutSet(
        kind=one.kind,
        reps=one.reps,
        duration_seconds=one.duration,
        rpe=one.rpe,
        completed=one.completed,
        notes=one.notes or None,
    )
    if one.weight is not None and one.weight_unit is not None:
        message.weight.value, message.weight.unit = one.weight, one.weight_unit
    if one.distance is not None and one.distance_unit is not None:
        message.distance.value, message.distance.unit = one.distance, one.distance_unit
    return message


def _set_of(message: training_pb2.WorkoutSet, path: str) -> Set:
    weight = message.weight if message.HasField("weight") else None
    distance = message.distance if message.HasField("distance") else None
    # Rules in CEL take a hundred times as long, and a workout may have thousands of numbers.
    if weight and round(weight.value, DECIMALS) != weight.value:
        raise invalid_field(f"{path}.weight.value", f"must have at most {DECIMALS} decimals")
    if distance and round(distance.value, DECIMALS) != distance.value:
        raise invalid_field(f"{path}.distance.value", f"must have at most {DECIMALS} decimals")
    if message.rpe * 2 % 1:
        raise invalid_field(f"{path}.rpe", "must be a multiple of 0.5")
    return Set(
        message.kind if message.HasField("kind") else None,
        message.reps if message.HasField("reps") else None,
        # There is no negative zero.
        weight.value + 0.0 if weight else None,
        weight.unit if weight else None,
        distance.value + 0.0 if distance else None,
        distance.unit if distance else None,
        message.duration_seconds if message.HasField("duration_seconds") else None,
        message.rpe if message.HasField("rpe") else None,
        message.completed if message.HasField("completed") else None,
        message.notes,
    )
