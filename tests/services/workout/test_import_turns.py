"""The order in which the files of several callers are read."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any, BinaryIO, cast
from uuid import uuid4

import pytest
from google.api.httpbody_pb2 import HttpBody
from gymlocker.v2 import workout_pb2

from server.libraries.limits.transfers import Transfers
from server.services.workout import importer
from server.services.workout.formats.model import Format, ReadFile
from server.services.workout.import_repository import ImportRepository, ImportResult
from server.services.workout.importer import Importer
from tests.support.waiting import eventually


class Reader:
    """A reader of files that waits before it returns, and remembers what it was given."""

    def __init__(self) -> None:
        self.started: list[bytes] = []
        self.may_end = threading.Semaphore(0)

    def read(self, file: BinaryIO, **_: Any) -> ReadFile:
        self.started.append(file.read())
        # Bounded, so that the thread of a failing test ends.
        self.may_end.acquire(timeout=20)
        return ReadFile(Format.GYMLOCKER)


class Store:
    """A store of workouts that keeps nothing."""

    async def store(self, *_: object, **__: object) -> ImportResult:
        return ImportResult()


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    found = Reader()
    monkeypatch.setattr(importer, "read_file", found.read)
    return found


class TestRun:
    def start(self, files: Importer, network: str, data: bytes) -> asyncio.Task[object]:
        async def requests() -> AsyncIterator[workout_pb2.ImportWorkoutsRequest]:
            yield workout_pb2.ImportWorkoutsRequest(file=HttpBody(data=data))

        return asyncio.create_task(files.run(uuid4(), network, requests()))

    async def test_network_with_many_files_does_not_delay_others(self, reader: Reader) -> None:
        files = Importer(
            cast(ImportRepository, Store()), Transfers("imports", reason="TOO_MANY_IMPORTS")
        )
        many = [self.start(files, "a", f"a{number}".encode()) for number in range(5)]
        await eventually(lambda: reader.started == [b"a0"])
        other = self.start(files, "b", b"b")
        await all_wait()
        reader.may_end.release(6)
        await asyncio.gather(*many, other)
        assert reader.started[:2] == [b"a0", b"b"]
        assert sorted(reader.started[2:]) == [b"a1", b"a2", b"a3", b"a4"]

    async def test_file_of_a_cancelled_call_is_not_read_beside_the_next(
        self, reader: Reader
    ) -> None:
        files = Importer(
            cast(ImportRepository, Store()), Transfers("imports", reason="TOO_MANY_IMPORTS")
        )
        first = self.start(files, "a", b"first")
        await eventually(lambda: reader.started == [b"first"])
        second = self.start(files, "b", b"second")
        first.cancel()
        await all_wait()
        assert (first.done(), reader.started) == (False, [b"first"])
        reader.may_end.release(2)
        with pytest.raises(asyncio.CancelledError):
            await first
        await second
        assert reader.started == [b"first", b"second"]


async def all_wait() -> None:
    """Let all tasks run until they wait for something."""
    for _ in range(100):
        await asyncio.sleep(0)
