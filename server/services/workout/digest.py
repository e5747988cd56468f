"""Digests of workouts: equal for equal contents.

The digest of the exercises is stored, so that the digest of a workout can be computed without
reading them. Digests are stored with imported workouts: never change their computation.
"""

import hashlib
from collections.abc import Sequence
from itertools import chain
from typing import Any

import orjson

from server.services.workout.model import Exercise, Workout

DIGEST_BYTES = 16


def digest_of_exercises(exercises: Sequence[Exercise]) -> bytes | None:
    """Return the digest of exercises with their sets; None if there are none."""
    if not exercises:
        return None
    # By columns: a list for each set would take ten times as long.
    names, notes, supersets, sets = zip(*exercises, strict=True)
    columns = zip(*chain.from_iterable(sets), strict=True)
    return _digest([names, notes, supersets, [len(each) for each in sets], *columns])


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
    return hashlib.sha256(orjson.dumps(contents)).digest()[:DIGEST_BYTES]
