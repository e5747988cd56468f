"""Receiving a file, whatever its chunks are."""

import gzip
import random
from collections.abc import AsyncIterator
from typing import cast
from uuid import UUID

import pytest
from google.api.httpbody_pb2 import HttpBody
from gymlocker.v2.workout_pb2 import ImportWorkoutsRequest

from server.errors import InvalidArgument
from server.libraries.limits.transfers import Transfers
from server.services.workout.import_repository import ImportRepository
from server.services.workout.importer import MAX_FILE_BYTES, Importer

OWNER = UUID(int=1)


FORM = "multipart/form-data; boundary=b"
PART = b'--b\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n'


async def requests(*chunks: bytes, content_type: str = "") -> AsyncIterator[ImportWorkoutsRequest]:
    for chunk in chunks:
        yield ImportWorkoutsRequest(file=HttpBody(data=chunk, content_type=content_type))


@pytest.fixture
def importer() -> Importer:
    """An importer that stores nothing."""
    return Importer(cast("ImportRepository", None), Transfers("imports", reason="TOO_MANY_IMPORTS"))


class TestRun:
    @pytest.mark.parametrize("first", [0, 1, 2, 1_000])
    async def test_compressed_file_may_be_larger_whatever_its_first_chunk(
        self, importer: Importer, first: int
    ) -> None:
        data = gzip.compress(random.Random(1).randbytes(MAX_FILE_BYTES), compresslevel=0)
        assert len(data) > MAX_FILE_BYTES
        with pytest.raises(InvalidArgument, match="has no SQLite database inside"):
            await importer.run(OWNER, "network", requests(data[:first], data[first:]))

    @pytest.mark.parametrize(
        ("content_type", "body", "problem"),
        [
            ("multipart/form-data", b"", "names no boundary"),
            (FORM, PART + b"--b--\r\n", "has no file"),
            (FORM, PART.replace(b"note", b'note"; filename="a'), "has no end"),
            (FORM, PART * 101, "has more than 100 parts"),
            (FORM, b"date,type", "cannot be read"),
        ],
        ids=["boundary", "file", "end", "parts", "no-form"],
    )
    async def test_broken_form_is_invalid(
        self, importer: Importer, content_type: str, body: bytes, problem: str
    ) -> None:
        sent = requests(body, content_type=content_type)
        with pytest.raises(InvalidArgument, match=problem):
            await importer.run(OWNER, "network", sent)
