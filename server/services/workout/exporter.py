"""Exporting workouts: a CSV or JSON file in chunks that every gRPC client accepts."""

from collections.abc import AsyncIterator

from server.services.workout.formats.write import csv_header, csv_line, json_object
from server.services.workout.model import StoredWorkout

CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
# A chunk is sent as soon as it has this size.
CHUNK_BYTES = 256 * 1024


async def chunks(batches: AsyncIterator[list[StoredWorkout]], format_: str) -> AsyncIterator[bytes]:
    """Yield the file in the format `csv` or `json`.

    The first chunk follows the first batch: an error until then still has a gRPC status.
    """
    chunk = bytearray()
    async for line in _json(batches) if format_ == "json" else _csv(batches):
        chunk += line
        if len(chunk) >= CHUNK_BYTES:
            yield bytes(chunk)
            chunk.clear()
    yield bytes(chunk)


async def _csv(batches: AsyncIterator[list[StoredWorkout]]) -> AsyncIterator[bytes]:
    yield csv_header()
    async for batch in batches:
        for workout in batch:
            yield csv_line(workout.workout)


async def _json(batches: AsyncIterator[list[StoredWorkout]]) -> AsyncIterator[bytes]:
    """Yield a JSON array. A truncated file lacks its end, so it does not parse."""
    before = b"[\n"
    async for batch in batches:
        for workout in batch:
            yield before + json_object(workout.workout)
            before = b",\n"
    yield b"\n]\n" if before == b",\n" else b"[]\n"
