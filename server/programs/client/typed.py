"""Workouts from the arguments and options of commands."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from gymlocker.v2 import workout_pb2

from server.programs.client import diary
from server.programs.client.notation.parser import parse_exercise
from server.programs.client.text import day, start_time


def new_workout(
    date: str,
    type_: str,
    minutes: int,
    exercises: Sequence[str],
    notes: str,
    start: str,
    unit: str,
) -> workout_pb2.CreateWorkoutRequest:
    """Return the workout to add. Raises StartError."""
    iso_date = day(date, diary.local_today())
    return workout_pb2.CreateWorkoutRequest(
        date=iso_date,
        type=type_,
        duration=minutes,
        notes=notes,
        start_time=start_time(start, iso_date),
        exercises=[parse_exercise(each, unit) for each in exercises],
    )


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes to a workout; None leaves a field as it is, and empty text clears it."""

    date: str | None
    type: str | None
    minutes: int | None
    notes: str | None
    start: str | None
    exercises: Sequence[str] | None

    @property
    def any(self) -> bool:
        """Check whether anything is to change."""
        return any(each not in (None, []) for each in astuple(self))


def set_start(workout: workout_pb2.Workout, typed: str) -> None:
    """Set the start to a typed time on the date of the workout, or clear it. Raises StartError."""
    if typed:
        workout.start_time = start_time(typed, workout.date)
    else:
        workout.ClearField("start_time")


def changed(before: workout_pb2.Workout, changes: Changes, unit: str) -> workout_pb2.Workout:
    """Return the workout with the changes. Raises StartError."""
    after = workout_pb2.Workout()
    after.CopyFrom(before)
    if changes.date is not None:
        after.date = day(changes.date, diary.local_today()) or before.date
        # The time of day stays.
        if before.start_time.startswith(f"{before.date}T"):
            after.start_time = after.date + before.start_time.removeprefix(before.date)
    if changes.type is not None:
        after.type = changes.type
    if changes.minutes is not None:
        after.duration = changes.minutes
    if changes.notes is not None:
        after.notes = changes.notes
    if changes.start is not None:
        set_start(after, changes.start)
    if changes.exercises:
        given = [parse_exercise(each, unit) for each in changes.exercises if each.strip()]
        del after.exercises[:]
        after.exercises.extend(given)
    return after
