"""Listing, adding, changing and deleting workouts, and reading statistics."""

import datetime as dt
from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar
from uuid import uuid4

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from gymlocker.v2 import workout_pb2

from server.errors import StartError
from server.programs.client.channel import RequestFailed
from server.programs.client.connection import Connection
from server.programs.client.text import day

Result = TypeVar("Result")

MAX_PAGE_SIZE = 100
# The quota of the server.
MAX_WORKOUTS = 100_000
# A leap year.
CALENDAR_DAYS = 366
EDITABLE = ("date", "type", "duration", "notes", "start_time", "exercises")


class Conflict(StartError):
    """The workout is not any more what it was when it was read."""


@dataclass(frozen=True, slots=True)
class Selection:
    """A range of dates in the API's format and a type; empty values select all."""

    first: str
    last: str
    type: str

    @property
    def days(self) -> tuple[dt.date, dt.date]:
        """Return the first and the last day, which must both be known."""
        return dt.date.fromisoformat(self.first), dt.date.fromisoformat(self.last)


def select(first: str | None, last: str | None, type_: str | None) -> Selection:
    """Return the selection that the options describe. Raises StartError."""
    today = local_today()
    selection = Selection(day(first, today), day(last, today), type_ or "")
    if selection.first and selection.last and selection.first > selection.last:
        raise StartError(
            f"--from {selection.first} is later than --to {selection.last}: swap them."
        )
    return selection


def select_year(year: int, type_: str | None) -> Selection:
    """Return the selection of a calendar year."""
    return Selection(f"{year:04}-01-01", f"{year:04}-12-31", type_ or "")


def calendar_of(selection: Selection) -> Selection:
    """Return the last year of a selection, with both dates."""
    last = selection.last or local_today().isoformat()
    start = dt.date.fromordinal(max(1, dt.date.fromisoformat(last).toordinal() + 1 - CALENDAR_DAYS))
    return Selection(max(start.isoformat(), selection.first), last, selection.type)


def local_today() -> dt.date:
    """Return the date in the local time zone."""
    return dt.datetime.now().astimezone().date()


async def list_newest(
    connection: Connection, selection: Selection, limit: int
) -> tuple[list[workout_pb2.Workout], bool]:
    """Return up to `limit` workouts, newest first, and whether there are more."""
    found: list[workout_pb2.Workout] = []
    token = ""
    while len(found) < limit:
        request = workout_pb2.ListWorkoutsRequest(
            page_size=min(limit - len(found), MAX_PAGE_SIZE),
            page_token=token,
            start_date=selection.first,
            end_date=selection.last,
            type=selection.type,
        )
        page = await connection.call(connection.workouts.ListWorkouts, request)
        found += page.workouts
        token = page.next_page_token
        if not token:
            break
    return found, bool(token)


async def minutes_by_day(connection: Connection, selection: Selection) -> dict[dt.date, int]:
    """Return the sum of minutes of each day that has a workout."""
    workouts, _ = await list_newest(connection, selection, MAX_WORKOUTS)
    days: Counter[dt.date] = Counter()
    for workout in workouts:
        days[dt.date.fromisoformat(workout.date)] += workout.duration
    return dict(days)


async def get_stats(
    connection: Connection, selection: Selection, unit: str, week_start: str
) -> workout_pb2.GetWorkoutStatsResponse:
    """Return the statistics; the local date decides whether a streak is current."""
    request = workout_pb2.GetWorkoutStatsRequest(
        start_date=selection.first,
        end_date=selection.last,
        type=selection.type,
        today=local_today().isoformat(),
        unit=unit,
        week_start=week_start,
    )
    return await connection.call(connection.workouts.GetWorkoutStats, request)


async def add(connection: Connection, new: workout_pb2.CreateWorkoutRequest) -> workout_pb2.Workout:
    """Add a workout. Its id is chosen here, so a retry adds it only once."""
    new.id = str(uuid4())
    return await connection.call(connection.workouts.CreateWorkout, new)


async def get(connection: Connection, id_: str) -> workout_pb2.Workout:
    """Return a workout with its exercises. Raises StartError."""
    request = workout_pb2.GetWorkoutRequest(id=id_)
    return await connection.call(connection.workouts.GetWorkout, request)


async def update(
    connection: Connection, before: workout_pb2.Workout, after: workout_pb2.Workout
) -> workout_pb2.Workout:
    """Store the fields of `after` that differ. Raises Conflict if `before` is outdated."""
    paths = [path for path in EDITABLE if getattr(before, path) != getattr(after, path)]
    if not paths:
        return before
    patch = workout_pb2.WorkoutPatch(exercises=after.exercises)
    for path in paths:
        # A patch without a start time, which is empty here, clears it.
        if path != "exercises" and getattr(after, path) != "":
            setattr(patch, path, getattr(after, path))
    request = workout_pb2.UpdateWorkoutRequest(
        id=before.id, patch=patch, update_mask=FieldMask(paths=paths), etag=before.etag
    )
    return await _guarded(connection.call(connection.workouts.UpdateWorkout, request), before.id)


async def delete(connection: Connection, workout: workout_pb2.Workout) -> None:
    """Delete a workout. Raises Conflict if it has changed since it was read."""
    request = workout_pb2.DeleteWorkoutRequest(id=workout.id, etag=workout.etag)
    await _guarded(connection.call(connection.workouts.DeleteWorkout, request), workout.id)


async def _guarded(call: Awaitable[Result], id_: str) -> Result:
    try:
        return await call
    except RequestFailed as error:
        if error.code != grpc.StatusCode.ABORTED:
            raise
        raise Conflict(
            f"The workout was changed elsewhere in the meantime, and was left as it is: look at it "
            f"with `gymlocker workouts show {id_[:8]}`, and run the command again."
        ) from error
