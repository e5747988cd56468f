"""Files as large as can be, and larger ones."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from uuid import uuid4

import asyncpg
from grpc import StatusCode

from server.services.workout.importer import MAX_FILE_BYTES
from tests.services.workout.diary import Diary, sums_are_right
from tests.services.workout.files.contents import FILLING, MIB, csv_of, in_pieces, year_of
from tests.services.workout.files.upload import Upload
from tests.services.workout.files.ways import Files
from tests.support.client import refused
from tests.support.stack import Stack


def large(size: int) -> Iterator[bytes]:
    """A file of `size` bytes with one good line, and long ones that are not."""
    first = csv_of("2026-02-07,Run,30,")
    yield first
    yield from in_pieces((FILLING * 34)[: size - len(first)], MIB)


async def test_a_file_as_large_as_can_be_is_read(diary: Diary, files: Files) -> None:
    reply = await files.load(diary.credentials, *large(MAX_FILE_BYTES), dry_run=True)
    assert (reply.added, reply.problem_count > 150) == (1, True)


async def test_a_larger_file_is_refused_and_nothing_added(diary: Diary, files: Files) -> None:
    with refused(StatusCode.INVALID_ARGUMENT, "file"):
        await files.load(diary.credentials, *large(MAX_FILE_BYTES + 1))
    assert await diary.all() == []


async def test_who_is_still_uploading_is_told_that_it_is_too_much(
    stack: Stack, diary: Diary
) -> None:
    async with Upload(stack, diary, uuid4()) as upload:

        async def speak() -> None:
            with suppress(ConnectionError):
                while True:
                    await upload.say(FILLING)

        speaking = asyncio.create_task(speak())
        head = await upload.reader.readuntil(b"\r\n\r\n")
        speaking.cancel()
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        body = json.loads(await upload.reader.readexactly(length))
        with suppress(asyncio.CancelledError):
            await speaking
    assert head.startswith(b"HTTP/1.1 400 ")
    assert body["details"][1]["fieldViolations"][0]["field"] == "file"


async def test_a_large_import_is_whole(
    diary: Diary, files: Files, database: asyncpg.Connection
) -> None:
    data = year_of(6_000)
    reply = await files.load(diary.credentials, *in_pieces(data, MIB))
    assert (reply.added, reply.problem_count) == (6_000, 0)
    assert (await diary.stats()).count == 6_000
    assert (await files.load(diary.credentials, data)).existing == 6_000
    assert await sums_are_right(database, diary.user.id)
