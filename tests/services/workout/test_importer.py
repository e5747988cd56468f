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


async def requests(*chunks: bytes) -> AsyncIterator[ImportWorkoutsRequest]:
    for chunk in chunks:
        yield ImportWorkoutsRequest(file=HttpBody(data=chunk))


class TestRun:
    @pytest.mark.parametrize("first", [0, 1, 2, 1_000])
    async def test_compressed_file_may_be_larger_whatever_its_first_chunk(self, first: int) -> None:
        data = gzip.compress(random.Random(1).randbytes(MAX_FILE_BYTES), compresslevel=0)
        assert len(data) > MAX_FILE_BYTES
        importer = Importer(
            cast("ImportRepository", None), Transfers("imports", reason="TOO_MANY_IMPORTS")
        )
        with pytest.raises(InvalidArgument, match="has no SQLite database inside"):
            await importer.run(OWNER, "network", requests(data[:first], data[first:]))
