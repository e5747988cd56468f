"""Our own files, CSV and JSON, which the readers beside this read back exactly.

The CSV has a line for each set. An exercise without sets has a line, too, and so has a workout
without exercises. Long texts, the notes of workouts and exercises, are on the first line only.
"""

import json
from collections.abc import Iterator, Sequence

from server.libraries.common.utc import rfc3339
from server.services.workout.formats.cells.guard import guarded
from server.services.workout.formats.values import cell, csv_records
from server.services.workout.model import Exercise, Set, StoredWorkout

WORKOUT_COLUMNS = (
    *("id", "date", "type", "duration", "notes"),
    *("start_time", "source", "create_time"),
)
EXERCISE_COLUMNS = ("exercise", "exercise_notes", "superset", "exercise_number")
# Those that make a row a set if one of them is not empty.
SET_COLUMNS = (
    *("set_number", "kind", "reps", "weight", "weight_unit", "distance", "distance_unit"),
    *("set_duration_seconds", "rpe", "completed", "set_notes"),
)

_NO_EXERCISE = ("",) * (len(EXERCISE_COLUMNS) + len(SET_COLUMNS))
_NO_SET = ("",) * len(SET_COLUMNS)


def csv_header() -> bytes:
    """Return the first line of a CSV file: RFC 4180, UTF-8 without a byte order mark."""
    return csv_records([(*WORKOUT_COLUMNS, *EXERCISE_COLUMNS, *SET_COLUMNS)])


def csv_lines(stored: StoredWorkout) -> bytes:
    """Return a workout as CSV records, each with its line ending."""
    workout = stored.workout
    before = (str(workout.id), workout.date.isoformat(), guarded(workout.type))
    after = (workout.start_time, stored.source, rfc3339(stored.created))
    rows = []
    notes = guarded(workout.notes)
    for cells in _exercise_cells(workout.exercises):
        rows.append((*before, str(workout.duration), notes, *after, *cells))
        notes = ""
    return csv_records(rows)


def json_object(stored: StoredWorkout) -> bytes:
    """Return a workout as a JSON object on one line, in UTF-8, named as in the API."""
    workout = stored.workout
    values = {
        "id": str(workout.id),
        "date": workout.date.isoformat(),
        "type": workout.type,
        "duration": workout.duration,
        "notes": workout.notes,
    }
    if workout.start_time:
        values["startTime"] = workout.start_time
    values["exercises"] = [_json_exercise(exercise) for exercise in workout.exercises]
    values["source"] = stored.source
    values["createTime"] = rfc3339(stored.created)
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()


def _exercise_cells(exercises: Sequence[Exercise]) -> Iterator[tuple[str, ...]]:
    if not exercises:
        yield _NO_EXERCISE
    for number, exercise in enumerate(exercises, start=1):
        notes = guarded(exercise.notes)
        for cells in _set_cells(exercise.sets):
            yield (guarded(exercise.name), notes, cell(exercise.superset), str(number), *cells)
            notes = ""


def _set_cells(sets: Sequence[Set]) -> Iterator[tuple[str, ...]]:
    if not sets:
        yield _NO_SET
    for number, one in enumerate(sets, start=1):
        yield (
            str(number),
            one.kind or "",
            cell(one.reps),
            cell(one.weight),
            one.weight_unit or "",
            cell(one.distance),
            one.distance_unit or "",
            cell(one.duration),
            cell(one.rpe),
            "" if one.completed is None else str(one.completed).lower(),
            guarded(one.notes),
        )


def _json_exercise(exercise: Exercise) -> dict[str, object]:
    given: dict[str, object] = {"name": exercise.name}
    if exercise.notes:
        given["notes"] = exercise.notes
    if exercise.superset is not None:
        given["superset"] = exercise.superset
    given["sets"] = [_json_set(one) for one in exercise.sets]
    return given


def _json_set(one: Set) -> dict[str, object]:
    """Return a set; a field that was not given is left out."""
    values = {
        "kind": one.kind,
        "reps": one.reps,
        "weight": _measure(one.weight, one.weight_unit),
        "distance": _measure(one.distance, one.distance_unit),
        "durationSeconds": one.duration,
        "rpe": None if one.rpe is None else _json_number(one.rpe),
        "completed": one.completed,
        "notes": one.notes or None,
    }
    return {key: value for key, value in values.items() if value is not None}


def _measure(value: float | None, unit: str | None) -> dict[str, object] | None:
    return None if value is None else {"value": _json_number(value), "unit": unit}


def _json_number(value: float) -> float:
    """Return the number so that JSON has 100, not 100.0."""
    return int(value) if value == int(value) else value
