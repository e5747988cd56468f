"""Exporting workouts: a file in pieces that every client of gRPC takes."""

from collections.abc import AsyncIterator

from server.services.workout.formats.write import csv_header, csv_line, json_object
from server.services.workout.model import Workout

CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
# A piece is sent when it has grown to this.
PIECE_BYTES = 256 * 1024


async def chunks(batches: AsyncIterator[list[Workout]], format_: str) -> AsyncIterator[bytes]:
    """The file in the form `csv` or `json`.

    The first piece comes after the first batch was read: until then, an error has a status.
    """
    piece = bytearray()
    async for line in _json(batches) if format_ == "json" else _csv(batches):
        piece += line
        if len(piece) >= PIECE_BYTES:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)


async def _csv(batches: AsyncIterator[list[Workout]]) -> AsyncIterator[bytes]:
    yield csv_header()
    async for batch in batches:
        for workout in batch:
            yield csv_line(workout)


async def _json(batches: AsyncIterator[list[Workout]]) -> AsyncIterator[bytes]:
    """A JSON array, of which a file that was cut off lacks the end."""
    before = b"[\n"
    async for batch in batches:
        for workout in batch:
            yield before + json_object(workout)
            before = b",\n"
    yield b"\n]\n" if before == b",\n" else b"[]\n"
