"""The chunks of an export."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from server.services.workout.exporter import CHUNK_BYTES, CONTENT_TYPES, chunks
from server.services.workout.model import StoredWorkout, Workout
from tests.services.workout.formats.workouts import stored

HEADERS = {
    "csv": b"id,date,type,duration,notes,start_time,",
    "json": b"[\n{",
    "fitnotes": b"Date,Exercise,Category,",
    "strong": b"Date;Workout Name;",
}
CREATED = dt.datetime(2024, 3, 1, tzinfo=dt.UTC)


def workout(number: int, notes: str = "") -> StoredWorkout:
    return stored(Workout(UUID(int=number), dt.date(2024, 1, 1), "Run", 30, notes), "", CREATED)


async def export(format_: str, *batches: list[StoredWorkout]) -> list[bytes]:
    async def given() -> AsyncIterator[list[StoredWorkout]]:
        for batch in batches:
            yield batch

    return [chunk async for chunk in chunks(given(), format_)]


class TestChunks:
    @pytest.mark.parametrize("format_", CONTENT_TYPES)
    async def test_have_all_workouts_in_each_format(self, format_: str) -> None:
        data = b"".join(await export(format_, [workout(1), workout(2)], [workout(3)]))
        assert data.startswith(HEADERS[format_])
        assert data.count(b"Run") == (6 if format_ in ("fitnotes", "strong") else 3)

    @pytest.mark.parametrize("format_", CONTENT_TYPES)
    async def test_of_an_empty_log_have_no_workouts(self, format_: str) -> None:
        data = b"".join(await export(format_))
        assert data == b"[]\n" if format_ == "json" else data.count(b"\n") == 1

    @pytest.mark.parametrize("format_", ["csv", "json"])
    async def test_are_sent_as_soon_as_they_are_full(self, format_: str) -> None:
        batch = [workout(number, "x" * 10_000) for number in range(100)]
        found = await export(format_, batch)
        assert len(found) == 4
        assert all(CHUNK_BYTES <= len(chunk) < CHUNK_BYTES + 11_000 for chunk in found[:-1])

    @pytest.mark.parametrize("format_", CONTENT_TYPES)
    async def test_let_other_tasks_run_between_workouts(self, format_: str) -> None:
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count())
        await export(format_, [workout(number) for number in range(5_000)])
        counting.cancel()
        assert turns >= 5
