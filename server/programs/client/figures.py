"""Reading exercises, records and progress."""

from collections.abc import Sequence
from difflib import get_close_matches

from gymlocker.v2 import exercise_pb2

from server.errors import StartError
from server.programs.client.connection import Connection
from server.programs.client.diary import Selection
from server.programs.client.text import printable

MAX_PAGE_SIZE = 100
MAX_SUGGESTIONS = 5


async def list_exercises(
    connection: Connection, query: str, unit: str
) -> list[exercise_pb2.ExerciseSummary]:
    """Return the exercises whose names contain `query`."""
    found: list[exercise_pb2.ExerciseSummary] = []
    token = ""
    while True:
        request = exercise_pb2.ListExercisesRequest(
            q=query, unit=unit, page_size=MAX_PAGE_SIZE, page_token=token
        )
        page = await connection.call(connection.exercises.ListExercises, request)
        found += page.exercises
        token = page.next_page_token
        if not token:
            return found


async def list_records(connection: Connection, name: str, unit: str) -> list[exercise_pb2.Record]:
    """Return the records of an exercise, or of all. Raises StartError if there is no such one."""
    request = exercise_pb2.ListRecordsRequest(name=name, unit=unit)
    response = await connection.call(connection.exercises.ListRecords, request)
    if name and not response.records:
        await _require(connection, name)
    return list(response.records)


async def get_progress(
    connection: Connection, name: str, selection: Selection, unit: str
) -> list[exercise_pb2.ProgressPoint]:
    """Return the progress of an exercise. Raises StartError if there is no such one."""
    request = exercise_pb2.GetExerciseProgressRequest(
        name=name, start_date=selection.first, end_date=selection.last, unit=unit
    )
    response = await connection.call(connection.exercises.GetExerciseProgress, request)
    if not response.points:
        await _require(connection, name)
    return list(response.points)


async def _require(connection: Connection, name: str) -> None:
    """Raise StartError with the nearest names if there is no exercise of this name."""
    names = [each.name for each in await list_exercises(connection, "", "")]
    if name.strip().casefold() in (each.casefold() for each in names):
        return
    suggestions = nearest(name, names)
    remedy = (
        f"did you mean {' or '.join(printable(each) for each in suggestions)}?"
        if suggestions
        else "`gymlocker exercises` lists yours."
    )
    raise StartError(f"You have no exercise {printable(name)!r}: {remedy}")


def nearest(name: str, names: Sequence[str]) -> list[str]:
    """Return the names that contain `name` or its words, or else look like it."""
    typed = name.casefold().strip()
    spelt = {each.casefold(): each for each in names}
    containing = [each for each in spelt if all(word in each for word in typed.split())]
    alike = get_close_matches(typed, spelt, n=MAX_SUGGESTIONS)
    return [spelt[each] for each in dict.fromkeys([*containing, *alike])][:MAX_SUGGESTIONS]
