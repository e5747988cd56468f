"""Imports that can pause in the middle: over HTTP, and over gRPC."""

import asyncio
from contextlib import suppress
from typing import Any, Self
from uuid import UUID

from google.api.httpbody_pb2 import HttpBody
from grpc import aio
from gymlocker.v2 import workout_pb2_grpc

from tests.services.workout.diary import Diary
from tests.services.workout.files.contents import FILLER, csv_of
from tests.services.workout.files.transports import Request
from tests.support.stack import Stack


class Upload:
    """An import over HTTP with a chunked body that can pause in the middle."""

    def __init__(
        self, stack: Stack, diary: Diary, request_id: UUID, source: str = "127.0.0.1"
    ) -> None:
        self._source = source
        self._host, _, self._port = stack.address.partition(":")
        headers = {
            "host": "x",
            "transfer-encoding": "chunked",
            "x-request-id": str(request_id),
            **dict(diary.credentials),
        }
        lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
        self._head = "".join(["POST /workouts/import HTTP/1.1\r\n", *lines, "\r\n"])

    async def __aenter__(self) -> Self:
        self.reader, self._writer = await asyncio.open_connection(
            self._host, int(self._port), local_addr=(self._source, 0)
        )
        self._writer.write(self._head.encode())
        await self.send(csv_of("2026-02-07,Run,30,"))
        return self

    async def send(self, data: bytes) -> None:
        self._writer.write(b"%x\r\n%b\r\n" % (len(data), data))
        await self._writer.drain()

    async def __aexit__(self, *_: object) -> None:
        # Disconnect without waiting for unsent data.
        self._writer.transport.abort()
        with suppress(ConnectionError):
            await self._writer.wait_closed()


def start_import(channel: aio.Channel, diary: Diary, request_id: UUID) -> Any:
    """Start an import over gRPC that has sent nothing yet."""
    metadata = [*diary.credentials, ("x-request-id", str(request_id))]
    return workout_pb2_grpc.WorkoutServiceStub(channel).ImportWorkouts(metadata=metadata)


async def send_chunk(call: Any, data: bytes) -> None:
    """Send a chunk and enough filler that the worker has received the call on return."""
    for chunk in (data, FILLER, FILLER, FILLER):
        await call.write(Request(file=HttpBody(data=chunk)))
