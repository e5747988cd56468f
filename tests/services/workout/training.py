"""Exercises and sets for tests, as they are given in JSON."""

from typing import Any

from google.protobuf import json_format
from gymlocker.v2 import training_pb2, workout_pb2

from tests.services.workout.diary import FIELDS

Json = dict[str, Any]

# Every field of an exercise and of a set, and values at which numbers are often lost.
FULL: Json = {
    "name": "Bench Press (Barbell)",
    "notes": "Grip as wide\nas last time 🏋",
    "superset": 0,
    "sets": [
        {
            "kind": "warmup",
            "reps": 10,
            "weight": {"value": 102.5, "unit": "kg"},
            "distance": {"value": 10_000_000, "unit": "m"},
            "durationSeconds": 604_800,
            "rpe": 8.5,
            "completed": True,
            "notes": "easy",
        },
        {
            "kind": "normal",
            "reps": 0,
            "weight": {"value": 45.359, "unit": "lb"},
            "distance": {"value": 0.001, "unit": "km"},
            "durationSeconds": 0,
            "rpe": 1,
            "completed": False,
            "notes": "é",
        },
        {"kind": "drop", "weight": {"value": -10_000, "unit": "kg"}, "rpe": 10},
        {"kind": "failure", "weight": {"value": 0, "unit": "lb"}, "reps": 10_000},
        {"distance": {"value": 0, "unit": "mi"}},
        {"distance": {"value": 9_999_999.999, "unit": "yd"}},
        {},
    ],
}
SQUAT: Json = {
    "name": "Squat",
    "sets": [{"reps": 5, "weight": {"value": 100, "unit": "kg"}}] * 2,
}
MINIMAL: Json = {"name": "Plank", "sets": []}
EXERCISES = [SQUAT, FULL, MINIMAL, SQUAT]


def messages(exercises: list[Json]) -> list[training_pb2.WorkoutExercise]:
    """Return the messages of exercises in JSON."""
    return [
        json_format.ParseDict(exercise, training_pb2.WorkoutExercise()) for exercise in exercises
    ]


def squats(weight: float, sets: int = 1) -> list[training_pb2.WorkoutExercise]:
    """Return an exercise of some equal sets."""
    one = {"reps": 5, "weight": {"value": weight, "unit": "kg"}}
    return messages([{"name": "Squat", "sets": [one] * sets}])


def of_size(size: int) -> list[training_pb2.WorkoutExercise]:
    """Return exercises that take `size` bytes in the request of the workout FIELDS."""
    notes = {"notes": "x" * 500}
    exercises = messages([{"name": "Squat", "sets": [notes] * 100}] * 40)
    rest = _bytes_of(exercises) - size
    while rest > 0:
        exercise = exercises[-1]
        if rest > exercise.ByteSize() + 10:
            exercises.pop()
        elif rest > exercise.sets[-1].ByteSize() + 10:
            del exercise.sets[-1]
        else:
            last = exercise.sets[-1]
            last.notes = last.notes[: len(last.notes) - rest]
        rest = _bytes_of(exercises) - size
    return exercises


def _bytes_of(exercises: list[training_pb2.WorkoutExercise]) -> int:
    return workout_pb2.CreateWorkoutRequest(**FIELDS, exercises=exercises).ByteSize()  # type: ignore[arg-type]
