"""Properties of the result of reading any file."""

from server.services.workout.formats.model import ReadFile
from server.services.workout.model import (
    DECIMALS,
    DISTANCE_UNITS,
    KINDS,
    MAX_DISTANCE,
    MAX_EXERCISE_NOTES_CHARACTERS,
    MAX_EXERCISES,
    MAX_MINUTES,
    MAX_NAME_CHARACTERS,
    MAX_NOTES_CHARACTERS,
    MAX_REPS,
    MAX_SECONDS,
    MAX_SET_NOTES_CHARACTERS,
    MAX_SETS,
    MAX_SUPERSET,
    MAX_TYPE_CHARACTERS,
    MAX_WEIGHT,
    MIN_MINUTES,
    WEIGHT_UNITS,
    Exercise,
    Set,
    Workout,
)


def check_file(file: ReadFile) -> None:
    for found in file.workouts:
        check_workout(found.workout)
    assert len({found.workout.id for found in file.workouts}) == len(file.workouts)
    lines = [one.line for one in file.problems]
    assert lines == sorted(lines)
    # JSON may be on one line.
    assert all(one.line >= 1 and one.message.endswith(".") for one in file.problems)
    assert all(warning.endswith(".") for warning in file.warnings)


def check_workout(workout: Workout) -> None:
    assert 1 <= len(workout.type) <= MAX_TYPE_CHARACTERS
    assert workout.type == workout.type.strip()
    assert MIN_MINUTES <= workout.duration <= MAX_MINUTES
    assert len(workout.notes) <= MAX_NOTES_CHARACTERS
    assert len(workout.exercises) <= MAX_EXERCISES
    assert "\0" not in workout.type + workout.notes
    for exercise in workout.exercises:
        check_exercise(exercise)


def check_exercise(exercise: Exercise) -> None:
    assert 1 <= len(exercise.name) <= MAX_NAME_CHARACTERS
    assert len(exercise.notes) <= MAX_EXERCISE_NOTES_CHARACTERS
    assert exercise.superset is None or 0 <= exercise.superset <= MAX_SUPERSET
    assert len(exercise.sets) <= MAX_SETS
    assert "\0" not in exercise.name + exercise.notes
    for one in exercise.sets:
        check_set(one)


def check_set(one: Set) -> None:
    assert one.kind in (None, *KINDS)
    assert one.reps is None or 0 <= one.reps <= MAX_REPS
    assert (one.weight is None) == (one.weight_unit is None)
    if one.weight is not None:
        assert -MAX_WEIGHT <= one.weight <= MAX_WEIGHT
        assert one.weight == round(one.weight, DECIMALS)
        assert one.weight_unit in WEIGHT_UNITS
    assert (one.distance is None) == (one.distance_unit is None)
    if one.distance is not None:
        assert 0 <= one.distance <= MAX_DISTANCE
        assert one.distance == round(one.distance, DECIMALS)
        assert one.distance_unit in DISTANCE_UNITS
    assert one.duration is None or 0 <= one.duration <= MAX_SECONDS
    assert one.rpe is None or (1 <= one.rpe <= 10 and one.rpe * 2 == int(one.rpe * 2))
    assert len(one.notes) <= MAX_SET_NOTES_CHARACTERS
    assert "\0" not in one.notes
