"""Exporting workouts: a file in chunks that every gRPC client accepts."""

from collections.abc import AsyncIterator, Callable

from server.libraries.common.cooperation import convert
from server.services.workout.formats.apps.write import (
    StrongWriter,
    fitnotes_header,
    fitnotes_lines,
)
from server.services.workout.formats.own.write import csv_header, csv_lines, json_object
from server.services.workout.model import StoredWorkout

_CSV = "text/csv; charset=utf-8"
CONTENT_TYPES = {"csv": _CSV, "json": "application/json", "fitnotes": _CSV, "strong": _CSV}
# A chunk is sent as soon as it has this size.
CHUNK_BYTES = 256 * 1024

_Batches = AsyncIterator[list[StoredWorkout]]


async def chunks(batches: _Batches, format_: str) -> AsyncIterator[bytes]:
    """Yield the file in a format of CONTENT_TYPES. Workouts must come in the order of their dates.

    The first chunk follows the first batch: an error until then still has a gRPC status.
    """
    chunk = bytearray()
    async for part in _parts(batches, format_):
        chunk += part
        if len(chunk) >= CHUNK_BYTES:
            yield bytes(chunk)
            chunk.clear()
    yield bytes(chunk)


def _parts(batches: _Batches, format_: str) -> AsyncIterator[bytes]:
    match format_:
        case "json":
            return _json(batches)
        case "fitnotes":
            return _lines(batches, fitnotes_header(), fitnotes_lines)
        case "strong":
            strong = StrongWriter()
            return _lines(batches, strong.header(), strong.lines)
        case _:
            return _lines(batches, csv_header(), csv_lines)


async def _lines(
    batches: _Batches, header: bytes, lines: Callable[[StoredWorkout], bytes]
) -> AsyncIterator[bytes]:
    yield header
    async for part in _written(batches, lines):
        yield part


async def _json(batches: _Batches) -> AsyncIterator[bytes]:
    """Yield a JSON array. A truncated file lacks its end, so it does not parse."""
    before = b"[\n"
    async for part in _written(batches, json_object):
        yield before + part
        before = b",\n"
    yield b"\n]\n" if before == b",\n" else b"[]\n"


async def _written(
    batches: _Batches, write: Callable[[StoredWorkout], bytes]
) -> AsyncIterator[bytes]:
    """Yield what `write` returns for each workout. Other tasks run in between."""
    async for batch in batches:
        for part in await convert(batch, write, weight=_weight):
            yield part


def _weight(stored: StoredWorkout) -> int:
    # A workout costs as much as five sets.
    return 5 + stored.set_count
