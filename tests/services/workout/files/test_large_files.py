"""Files of the maximum size, and larger ones."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from uuid import uuid4

import asyncpg
import pytest
from grpc import StatusCode

from server.services.workout.importer import MAX_FILE_BYTES
from tests.services.workout.diary import Diary, sums_are_correct
from tests.services.workout.files.contents import FILLER, MIB, csv_of, in_chunks, many_workouts
from tests.services.workout.files.transports import Files
from tests.services.workout.files.upload import Upload
from tests.support.client import refused
from tests.support.stack import Stack

pytestmark = pytest.mark.extended


def large(size: int) -> Iterator[bytes]:
    """Yield a file of `size` bytes with one valid line and long invalid ones."""
    first = csv_of("2026-02-07,Run,30,")
    yield first
    yield from in_chunks((FILLER * 34)[: size - len(first)], MIB)


class TestImportWorkouts:
    async def test_accepts_file_of_maximum_size(self, diary: Diary, files: Files) -> None:
        response = await files.load(diary.credentials, *large(MAX_FILE_BYTES), dry_run=True)
        assert (response.added, response.problem_count > 150) == (1, True)

    async def test_rejects_larger_file(self, diary: Diary, files: Files) -> None:
        with refused(StatusCode.INVALID_ARGUMENT, "file"):
            await files.load(diary.credentials, *large(MAX_FILE_BYTES + 1))
        assert await diary.all() == []

    async def test_reports_oversized_file_during_upload(self, stack: Stack, diary: Diary) -> None:
        async with Upload(stack, diary, uuid4()) as upload:

            async def keep_sending() -> None:
                with suppress(ConnectionError):
                    while True:
                        await upload.send(FILLER)

            sending = asyncio.create_task(keep_sending())
            head = await upload.reader.readuntil(b"\r\n\r\n")
            sending.cancel()
            length = int(head.lower().partition(b"content-length:")[2].split()[0])
            body = json.loads(await upload.reader.readexactly(length))
            with suppress(asyncio.CancelledError):
                await sending
        assert head.startswith(b"HTTP/1.1 400 ")
        assert body["details"][1]["fieldViolations"][0]["field"] == "file"

    async def test_adds_all_workouts_of_large_file(
        self, diary: Diary, files: Files, database: asyncpg.Connection
    ) -> None:
        data = many_workouts(6_000)
        response = await files.load(diary.credentials, *in_chunks(data, MIB))
        assert (response.added, response.problem_count) == (6_000, 0)
        assert (await diary.stats()).count == 6_000
        assert (await files.load(diary.credentials, data)).existing == 6_000
        assert await sums_are_correct(database, diary.user.id)
