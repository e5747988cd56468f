"""Workouts as files, in and out: over a gRPC stream and over plain HTTP, with the same words."""

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
    """A file that was exported."""

    data: bytes
    content_type: str
    disposition: str


class Files(Protocol):
    """A way to export and to import. Both raise CallError."""

    async def export(self, credentials: Metadata, format_: str = "") -> File:
        """Reads all workouts as a file."""
        ...

    async def load(self, credentials: Metadata, *pieces: bytes, **options: Any) -> Response:
        """Imports the file that `pieces` are."""
        ...


class GrpcFiles:
    """Files over gRPC."""

    def __init__(self, channel: aio.Channel) -> None:
        self._stub = workout_pb2_grpc.WorkoutServiceStub(channel)

    async def export(self, credentials: Metadata, format_: str = "") -> File:
        """Reads all workouts as a file."""
        request = workout_pb2.ExportWorkoutsRequest(format=format_)
        call = self._stub.ExportWorkouts(request, metadata=credentials, timeout=30)
        try:
            pieces = [piece async for piece in call]
        except aio.AioRpcError as error:
            raise grpc_error(error) from error
        (content_type,) = {piece.content_type for piece in pieces}
        disposition = dict(await call.initial_metadata())["content-disposition"]
        return File(b"".join(piece.data for piece in pieces), content_type, str(disposition))

    async def load(self, credentials: Metadata, *pieces: bytes, **options: Any) -> Response:
        """Imports a file, with the options beside its first piece."""
        messages = [Request(file=HttpBody(data=piece)) for piece in pieces] or [Request()]
        messages[0].MergeFrom(Request(**options))
        return await self.send(credentials, messages)

    async def send(self, credentials: Metadata, messages: Iterable[Request]) -> Response:
        """Imports what these messages say."""
        pieces = list(messages)

        async def once() -> Response:
            return await self._stub.ImportWorkouts(iter(pieces), metadata=credentials, timeout=30)

        try:
            return await answered(once)
        except aio.AioRpcError as error:
            raise grpc_error(error) from error


class RestFiles:
    """Files over HTTP, where a body in pieces is one of unknown length."""

    def __init__(self, rest: httpx2.AsyncClient) -> None:
        self._rest = rest

    async def export(self, credentials: Metadata, format_: str = "") -> File:
        """Reads all workouts as a file."""
        query = {"format": format_} if format_ else {}
        response = await self._rest.get("/workouts/export", params=query, headers=credentials)
        if not response.is_success:
            raise rest_error(response)
        headers = response.headers
        return File(response.content, headers["content-type"], headers["content-disposition"])

    async def load(self, credentials: Metadata, *pieces: bytes, **options: Any) -> Response:
        """Imports a file, with the options in the query."""
        response = await self._rest.post(
            "/workouts/import",
            params=options,
            content=pieces[0] if len(pieces) == 1 else _each(pieces),
            headers=credentials,
        )
        if not response.is_success:
            raise rest_error(response)
        return json_format.Parse(response.content, Response())


async def _each(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
