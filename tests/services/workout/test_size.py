"""Upper limits of the size of exercises."""

import datetime as dt
from uuid import UUID

import pytest

from server.services.workout.messages import workout_message
from server.services.workout.model import (
    MAX_DISTANCE,
    MAX_EXERCISE_NOTES_CHARACTERS,
    MAX_NAME_CHARACTERS,
    MAX_REPS,
    MAX_SECONDS,
    MAX_SET_NOTES_CHARACTERS,
    MAX_SETS,
    MAX_SUPERSET,
    MAX_WEIGHT,
    Exercise,
    Set,
    StoredWorkout,
    Workout,
)
from server.services.workout.size import size_of

NOW = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
# Every field takes the most that it can.
SET = Set(
    "failure",
    MAX_REPS,
    -MAX_WEIGHT,
    "lb",
    MAX_DISTANCE,
    "mi",
    MAX_SECONDS,
    9.5,
    True,
    "🏋" * MAX_SET_NOTES_CHARACTERS,
)
EXERCISE = Exercise(
    "🏋" * MAX_NAME_CHARACTERS, "🏋" * MAX_EXERCISE_NOTES_CHARACTERS, MAX_SUPERSET, (SET,) * MAX_SETS
)


def in_message(*exercises: Exercise) -> int:
    """Return the bytes that exercises add to the message of a workout."""

    def size(given: tuple[Exercise, ...]) -> int:
        workout = Workout(UUID(int=1), NOW.date(), "Push", 45, "", exercises=given)
        return workout_message(StoredWorkout(workout, "", NOW, NOW, b"", 0, 0)).ByteSize()

    return size(exercises) - size(())


class TestSizeOf:
    @pytest.mark.parametrize(
        "exercises",
        [
            (),
            (Exercise("x"),),
            (Exercise("x", sets=(Set(),) * MAX_SETS),),
            (Exercise("x", sets=(SET._replace(notes=""),) * MAX_SETS),),
            (EXERCISE,),
            (EXERCISE, EXERCISE),
        ],
    )
    def test_is_never_less_than_in_a_message(self, exercises: tuple[Exercise, ...]) -> None:
        assert in_message(*exercises) <= size_of(exercises)

    def test_is_hardly_more_if_every_field_is_given(self) -> None:
        assert size_of([EXERCISE]) < in_message(EXERCISE) * 1.01
