"""The size of a workout, which is limited as in a request of the API."""

import datetime as dt

from server.services.workout.formats.model import BadCell
from server.services.workout.messages import workout_message
from server.services.workout.model import MAX_WORKOUT_BYTES, Exercise, StoredWorkout, Workout

# Of a character in UTF-8.
_CHARACTER = 4
# Above all that a message has beside its texts.
_WORKOUT, _EXERCISE, _SET = 1_024, 32, 96
_NEVER = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


def require_size(workout: Workout, title: str) -> None:
    """Raise BadCell if the message of the workout is larger than MAX_WORKOUT_BYTES."""
    most = _WORKOUT + _CHARACTER * len(workout.notes) + sum(map(_most, workout.exercises))
    # Hardly any workout has to be measured.
    if most > MAX_WORKOUT_BYTES and _bytes(workout) > MAX_WORKOUT_BYTES:
        raise BadCell(title, "the workout is larger than 1 MiB")


def _most(exercise: Exercise) -> int:
    texts = len(exercise.name) + len(exercise.notes) + sum(len(one.notes) for one in exercise.sets)
    return _EXERCISE + _SET * len(exercise.sets) + _CHARACTER * texts


def _bytes(workout: Workout) -> int:
    # What the server adds to a workout does not count.
    message = workout_message(StoredWorkout(workout, "", _NEVER, _NEVER, b"", 0, 0))
    message.ClearField("create_time")
    message.ClearField("update_time")
    return message.ByteSize()
