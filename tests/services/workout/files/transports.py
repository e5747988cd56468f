"""Export and import of files over gRPC streams and over HTTP, with one interface."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import httpx2
from google.api.httpbody_pb2 import HttpBody
from google.protobuf import json_format
from grpc import aio
from gymlocker.v2 import workout_pb2, workout_pb2_grpc

from server.programs.demo.transport import grpc_error, rest_error
from tests.support.streams import answered

Request = workout_pb2.ImportWorkoutsRequest
Response = workout_pb2.ImportWorkoutsResponse
Metadata = list[tuple[str, str]]


@dataclass(frozen=True)
class File:
    """An exported file."""

    data: bytes
    content_type: str
    disposition: str


class Files(Protocol):
    """A transport for files. Both methods raise CallError."""

    async def export(self, credentials: Metadata, format_: str = "") -> File:
        """Return all workouts as a file."""
        ...

    async def load(self, credentials: Metadata, *chunks: bytes, **options: Any) -> Response:
        """Import the file that consists of `chunks`."""
        ...


class GrpcFiles:
    """Files over gRPC."""

    def __init__(self, channel: aio.Channel) -> None:
        self._stub = workout_pb2_grpc.WorkoutServiceStub(channel)

    async def export(self, credentials: Metadata, format_: str = "") -> File:
        """Return all workouts as a file."""
        request = workout_pb2.ExportWorkoutsRequest(format=format_)
        call = self._stub.ExportWorkouts(request, metadata=credentials, timeout=30)
        try:
            chunks = [chunk async for chunk in call]
        except aio.AioRpcError as error:
            raise grpc_error(error) from error
        (content_type,) = {chunk.content_type for chunk in chunks}
        disposition = dict(await call.initial_metadata())["content-disposition"]
        return File(b"".join(chunk.data for chunk in chunks), content_type, str(disposition))

    async def load(self, credentials: Metadata, *chunks: bytes, **options: Any) -> Response:
        """Import a file, with the options in its first message."""
        messages = [Request(file=HttpBody(data=chunk)) for chunk in chunks] or [Request()]
        messages[0].MergeFrom(Request(**options))
        return await self.send(credentials, messages)

    async def send(self, credentials: Metadata, messages: Iterable[Request]) -> Response:
        """Import with exactly these messages."""
        sent = list(messages)

        async def once() -> Response:
            return await self._stub.ImportWorkouts(iter(sent), metadata=credentials, timeout=30)

        try:
            return await answered(once)
        except aio.AioRpcError as error:
            raise grpc_error(error) from error


class RestFiles:
    """Files over HTTP, where several chunks are a body of unknown length."""

    def __init__(self, rest: httpx2.AsyncClient) -> None:
        self._rest = rest

    async def export(self, credentials: Metadata, format_: str = "") -> File:
        """Return all workouts as a file."""
        query = {"format": format_} if format_ else {}
        response = await self._rest.get("/workouts/export", params=query, headers=credentials)
        if not response.is_success:
            raise rest_error(response)
        headers = response.headers
        return File(response.content, headers["content-type"], headers["content-disposition"])

    async def load(self, credentials: Metadata, *chunks: bytes, **options: Any) -> Response:
        """Import a file, with the options in the query."""
        response = await self._rest.post(
            "/workouts/import",
            params=options,
            content=chunks[0] if len(chunks) == 1 else _each(chunks),
            headers=credentials,
        )
        if not response.is_success:
            raise rest_error(response)
        return json_format.Parse(response.content, Response())


async def _each(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
