"""The size of a workout, which is limited as in a request of the API, and of a file."""

import datetime as dt
from collections.abc import Iterable

from server.services.workout.formats.model import BadCell, UnreadableFile
from server.services.workout.messages import workout_message
from server.services.workout.model import (
    MAX_STORED_SETS,
    MAX_WORKOUT_BYTES,
    Exercise,
    StoredWorkout,
    Workout,
)
from server.services.workout.size import size_of

# Above all that a message has beside its notes and exercises.
_OTHER_BYTES = 1_024
_NEVER = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


def require_size(workout: Workout, title: str) -> None:
    """Raise BadCell if the message of the workout is larger than MAX_WORKOUT_BYTES."""
    most = _OTHER_BYTES + len(workout.notes.encode()) + size_of(workout.exercises)
    # Hardly any workout has to be measured.
    if most > MAX_WORKOUT_BYTES and _bytes(workout) > MAX_WORKOUT_BYTES:
        raise BadCell(title, "the workout is larger than 1 MiB")


class SetCount:
    """The number of sets in a file. Sets take much more memory than the bytes that they come from.

    Readers of files in which one line or value can have many sets count them.
    """

    def __init__(self) -> None:
        self._count = 0

    def add(self, exercises: Iterable[Exercise]) -> None:
        """Count more sets. Raises UnreadableFile if no training log can hold that many."""
        self._count += sum(len(exercise.sets) for exercise in exercises)
        require_set_count(self._count)


def require_set_count(count: int) -> None:
    """Raise UnreadableFile if no training log can hold so many sets."""
    if count > MAX_STORED_SETS:
        raise UnreadableFile(
            f"The file has more than {MAX_STORED_SETS:,} sets, and a training log holds no more. "
            "Choose a file with fewer workouts."
        )


def _bytes(workout: Workout) -> int:
    # What the server adds to a workout does not count.
    message = workout_message(StoredWorkout(workout, "", _NEVER, _NEVER, b"", 0, 0))
    message.ClearField("create_time")
    message.ClearField("update_time")
    return message.ByteSize()
