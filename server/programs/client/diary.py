"""Reading workouts and the figures about them, and adding a workout."""

import datetime as dt
from dataclasses import dataclass
from uuid import uuid4

from gymlocker.v2 import workout_pb2

from server.errors import StartError
from server.programs.client.connection import Connection
from server.programs.client.text import day

LARGEST_PAGE = 100


@dataclass(frozen=True)
class Wanted:
    """Which workouts: dates as the contract has them, empty for all; so is the type."""

    first: str
    last: str
    type: str


def wanted(first: str | None, last: str | None, type_: str | None) -> Wanted:
    """Which workouts, from what was typed. Raises StartError."""
    today = local_today()
    chosen = Wanted(day(first, today), day(last, today), type_ or "")
    if chosen.first and chosen.last and chosen.first > chosen.last:
        raise StartError(f"--from {chosen.first} is later than --to {chosen.last}.")
    return chosen


def local_today() -> dt.date:
    """The date where the person is."""
    return dt.datetime.now().astimezone().date()


async def newest(
    connection: Connection, which: Wanted, limit: int
) -> tuple[list[workout_pb2.Workout], bool]:
    """Up to `limit` workouts, the newest first, and whether there are more."""
    found: list[workout_pb2.Workout] = []
    token = ""
    while len(found) < limit:
        request = workout_pb2.ListWorkoutsRequest(
            page_size=min(limit - len(found), LARGEST_PAGE),
            page_token=token,
            start_date=which.first,
            end_date=which.last,
            type=which.type,
        )
        page = await connection.call(connection.workouts.ListWorkouts, request)
        found += page.workouts
        token = page.next_page_token
        if not token:
            break
    return found, bool(token)


async def figures(connection: Connection, which: Wanted) -> workout_pb2.GetWorkoutStatsResponse:
    """The figures; a streak is current by the date where the person is."""
    request = workout_pb2.GetWorkoutStatsRequest(
        start_date=which.first,
        end_date=which.last,
        type=which.type,
        today=local_today().isoformat(),
    )
    return await connection.call(connection.workouts.GetWorkoutStats, request)


async def add(
    connection: Connection, date: str, type_: str, minutes: int, notes: str
) -> workout_pb2.Workout:
    """Adds a workout, once, also when the call has to be made twice."""
    request = workout_pb2.CreateWorkoutRequest(
        date=day(date, local_today()), type=type_, duration=minutes, notes=notes, id=str(uuid4())
    )
    return await connection.call(connection.workouts.CreateWorkout, request)
