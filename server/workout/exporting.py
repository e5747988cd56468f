"""Exporting workouts: a file in pieces, of which each is a batch of workouts."""

from collections.abc import AsyncIterator

from server.workout.formats.write import csv_header, csv_line, json_object
from server.workout.workout import Workout

CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


def pieces(batches: AsyncIterator[list[Workout]], format_: str) -> AsyncIterator[bytes]:
    """The file in the form `csv` or `json`."""
    return _json(batches) if format_ == "json" else _csv(batches)


async def _csv(batches: AsyncIterator[list[Workout]]) -> AsyncIterator[bytes]:
    # Nothing is said before the first batch was read: until then, an error has a status.
    before = csv_header()
    async for batch in batches:
        yield before + b"".join(csv_line(workout) for workout in batch)
        before = b""
    yield before


async def _json(batches: AsyncIterator[list[Workout]]) -> AsyncIterator[bytes]:
    """A JSON array, of which a file that was cut off lacks the end."""
    before = b"[\n"
    async for batch in batches:
        yield before + b",\n".join(json_object(workout) for workout in batch)
        before = b",\n"
    yield b"\n]\n" if before == b",\n" else b"[]\n"
