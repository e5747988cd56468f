"""Digests of workouts: equal for equal contents.

The digest of the exercises is stored, so that the digest of a workout can be computed without
reading them. Digests are stored with imported workouts: never change their computation.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from server.services.workout.model import Exercise, Workout

DIGEST_BYTES = 16


def digest_of_exercises(exercises: Sequence[Exercise]) -> bytes | None:
    """Return the digest of exercises with their sets; None if there are none."""
    return _digest(exercises) if exercises else None


def digest_of(workout: Workout, exercises_digest: bytes | None) -> bytes:
    """Return the digest of a workout whose exercises have the given digest."""
    contents = [
        workout.date.isoformat(),
        workout.type,
        workout.duration,
        workout.notes,
        workout.start_time,
        exercises_digest.hex() if exercises_digest else None,
    ]
    return _digest(contents)


def _digest(contents: Any) -> bytes:
    return hashlib.sha256(json.dumps(contents).encode()).digest()[:DIGEST_BYTES]
