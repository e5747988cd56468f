"""Probes, which call any method over one protocol and return the status."""

from dataclasses import dataclass
from typing import Any, Protocol

import httpx2
from google.protobuf import json_format
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from grpc import StatusCode, aio

from server.programs.demo.transport import CallError, Metadata, RestTransport
from tests.services.auth.calling import code_of
from tests.services.auth.requests import BACKUP, FILE

CODES = {code.value[0]: code for code in StatusCode}

WATCHES = {"WatchEvents": "/events/watch", "WatchInbox": "/inbox/watch"}
EXPORTS = {"ExportAccount": "/auth/export", "ExportWorkouts": "/workouts/export"}


class Probe(Protocol):
    """Caller of any method."""

    async def code(
        self, method: MethodDescriptor, request: Message, metadata: Metadata
    ) -> StatusCode:
        """Return the status of a call."""


@dataclass(frozen=True)
class GrpcProbe:
    """Probe over gRPC."""

    channel: aio.Channel

    async def code(
        self, method: MethodDescriptor, request: Message, metadata: Metadata
    ) -> StatusCode:
        return await code_of(self.channel, method, request, metadata)


@dataclass(frozen=True)
class RestProbe:
    """Probe over REST."""

    transport: RestTransport
    http: httpx2.AsyncClient

    async def code(
        self, method: MethodDescriptor, request: Message, metadata: Metadata
    ) -> StatusCode:
        if method.client_streaming or method.server_streaming:
            return await self._code_of_stream(method.name, request, dict(metadata))
        try:
            await self.transport.call(method, request, metadata=metadata)
        except CallError as error:
            return error.code
        return StatusCode.OK

    async def _code_of_stream(self, name: str, request: Any, headers: dict[str, str]) -> StatusCode:
        # Streams over gRPC are files over HTTP.
        if name in EXPORTS:
            response = await self.http.get(EXPORTS[name], headers=headers)
        elif name == "StreamChat":
            response = await self.http.post("/ai/chat", headers=headers, json={})
        elif name in WATCHES:
            return await self._code_of_watch(name, request, headers)
        elif name == "DownloadBackup":
            response = await self.http.get(f"/backups/{request.id}", headers=headers)
        elif name == "UploadBackup":
            response = await self.http.post("/backup", headers=headers, content=BACKUP)
        else:
            assert name == "ImportWorkouts", f"the HTTP call of {name} is missing here"
            response = await self.http.post("/workouts/import", headers=headers, content=FILE)
        return StatusCode.OK if response.status_code == 200 else CODES[response.json()["code"]]

    async def _code_of_watch(self, name: str, request: Any, headers: dict[str, str]) -> StatusCode:
        body = json_format.MessageToDict(request)
        async with self.http.stream("POST", WATCHES[name], json=body, headers=headers) as response:
            if response.status_code == 200:
                return StatusCode.OK
            await response.aread()
            return CODES[response.json()["code"]]
