"""Receiving a file, whatever its chunks are."""

import errno
import gzip
import os
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from tempfile import NamedTemporaryFile
from typing import Any, cast
from uuid import UUID

import pytest
from google.api.httpbody_pb2 import HttpBody
from gymlocker.v2.workout_pb2 import ImportWorkoutsRequest

from server.errors import InvalidArgument, ResourceExhausted
from server.libraries.limits.transfers import Transfers
from server.services.workout import importer as receiving
from server.services.workout.formats.liftlog import sandbox
from server.services.workout.import_repository import ImportRepository
from server.services.workout.importer import MAX_FILE_BYTES, Importer

OWNER = UUID(int=1)


FORM = "multipart/form-data; boundary=b"
PART = b'--b\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n'


async def requests(*chunks: bytes, content_type: str = "") -> AsyncIterator[ImportWorkoutsRequest]:
    for chunk in chunks:
        yield ImportWorkoutsRequest(file=HttpBody(data=chunk, content_type=content_type))


def file_without_room(**options: Any) -> Any:
    """Return a temporary file on a disk that is full."""
    file = NamedTemporaryFile(**options)  # noqa: SIM115 - the caller closes it

    def write(_: bytes) -> int:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    file.write = write  # type: ignore[method-assign, assignment]
    return file


@contextmanager
def refused_for(reason: str) -> Iterator[None]:
    """Check that the block is refused for the reason."""
    with pytest.raises(ResourceExhausted) as refused:
        yield
    assert refused.value.reason == reason


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

    @pytest.mark.parametrize("size", [100, 100_000], ids=["buffered", "written"])
    async def test_upload_without_room_is_refused(
        self, importer: Importer, monkeypatch: pytest.MonkeyPatch, size: int
    ) -> None:
        monkeypatch.setattr(receiving, "TemporaryFile", partial(open, "/dev/full", "w+b"))
        with refused_for("DISK_FULL"):
            await importer.run(OWNER, "network", requests(b"x" * size))

    async def test_backup_without_room_to_inflate_it_is_refused(
        self, importer: Importer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sandbox, "NamedTemporaryFile", file_without_room)
        data = gzip.compress(b"SQLite format 3\0")
        with refused_for("DISK_FULL"):
            await importer.run(OWNER, "network", requests(data))

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
