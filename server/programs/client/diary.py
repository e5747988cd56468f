"""Listing workouts, reading statistics, and adding a workout."""

import datetime as dt
from dataclasses import dataclass
from uuid import uuid4

from gymlocker.v2 import workout_pb2

from server.errors import StartError
from server.programs.client.connection import Connection
from server.programs.client.text import day

MAX_PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class Selection:
    """A range of dates in the API's format and a type; empty values select all."""

    first: str
    last: str
    type: str


def select(first: str | None, last: str | None, type_: str | None) -> Selection:
    """Return the selection that the options describe. Raises StartError."""
    today = local_today()
    selection = Selection(day(first, today), day(last, today), type_ or "")
    if selection.first and selection.last and selection.first > selection.last:
        raise StartError(
            f"--from {selection.first} is later than --to {selection.last}: swap them."
        )
    return selection


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


async def get_stats(
    connection: Connection, selection: Selection
) -> workout_pb2.GetWorkoutStatsResponse:
    """Return the statistics; the local date decides whether a streak is current."""
    request = workout_pb2.GetWorkoutStatsRequest(
        start_date=selection.first,
        end_date=selection.last,
        type=selection.type,
        today=local_today().isoformat(),
    )
    return await connection.call(connection.workouts.GetWorkoutStats, request)


async def add(
    connection: Connection, date: str, type_: str, minutes: int, notes: str
) -> workout_pb2.Workout:
    """Add a workout. Its id is chosen here, so a retry adds it only once."""
    request = workout_pb2.CreateWorkoutRequest(
        date=day(date, local_today()), type=type_, duration=minutes, notes=notes, id=str(uuid4())
    )
    return await connection.call(connection.workouts.CreateWorkout, request)
