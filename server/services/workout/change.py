"""Changes of a workout: all fields (PUT) or some of them (PATCH)."""

import datetime as dt
from dataclasses import dataclass, replace
from uuid import UUID

from gymlocker.v2 import workout_pb2

from server.errors import InvalidArgument
from server.libraries.rpc.conversions import date_of
from server.services.workout.messages import (
    exercises_of,
    require_size,
    start_time_of,
    workout_of,
)
from server.services.workout.model import Exercise, Workout

_CLEARABLE = {"notes", "start_time", "exercises"}


@dataclass(frozen=True, slots=True)
class Change:
    """New values of a workout; None leaves a field unchanged."""

    date: dt.date | None = None
    type: str | None = None
    duration: int | None = None
    notes: str | None = None
    start_time: str | None = None
    exercises: tuple[Exercise, ...] | None = None

    def applied_to(self, workout: Workout) -> Workout:
        """Return the workout with the new values."""
        new = {name: value for name in self.__slots__ if (value := getattr(self, name)) is not None}
        return replace(workout, **new)


def change_of(request: workout_pb2.UpdateWorkoutRequest) -> Change:
    """Return the change that a request asks for. Raises InvalidArgument."""
    return _replacement(request) if request.HasField("replacement") else _patch(request)


def _replacement(request: workout_pb2.UpdateWorkoutRequest) -> Change:
    require_size(request.replacement, "replacement.exercises")
    new = workout_of(request.replacement, UUID(request.id), "replacement.")
    # A client that does not know exercises must not delete them.
    return Change(
        new.date,
        new.type,
        new.duration,
        new.notes,
        new.start_time or None,
        new.exercises or None,
    )


def _patch(request: workout_pb2.UpdateWorkoutRequest) -> Change:
    """Return the change of a patch: the fields of its mask, else the fields that are set."""
    patch = request.patch
    require_size(patch, "patch.exercises")
    given = {field.name for field, _ in patch.ListFields()}
    mask = set(request.update_mask.paths)
    fields = set(patch.DESCRIPTOR.fields_by_name) if "*" in mask else mask or given
    missing = fields - given - _CLEARABLE
    if missing:
        problems = [
            (f"patch.{name}", f"{name}: cannot be cleared; give a value")
            for name in sorted(missing)
        ]
        raise InvalidArgument(problems[0][1], violations=problems)
    return Change(
        date=date_of(patch.date, "patch.date") if "date" in fields else None,
        type=patch.type.strip() if "type" in fields else None,
        duration=patch.duration if "duration" in fields else None,
        notes=patch.notes if "notes" in fields else None,
        start_time=(
            start_time_of(patch.start_time, "patch.start_time") if "start_time" in fields else None
        ),
        exercises=(
            exercises_of(patch.exercises, "patch.exercises") if "exercises" in fields else None
        ),
    )
