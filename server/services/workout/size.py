"""Upper limits of the bytes that exercises take in a message, without building it."""

from collections.abc import Iterable

from server.services.workout.model import Exercise

# Beside their texts.
EXERCISE_BYTES = 16
SET_BYTES = 64


def size_of(exercises: Iterable[Exercise]) -> int:
    """Return the most that exercises take."""
    return sum(
        EXERCISE_BYTES
        + len(exercise.name.encode())
        + len(exercise.notes.encode())
        + SET_BYTES * len(exercise.sets)
        + sum(len(one.notes.encode()) for one in exercise.sets if one.notes)
        for exercise in exercises
    )
