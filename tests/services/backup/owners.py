"""The owner of backups, as a client over gRPC or over REST."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import httpx2
from google.api.httpbody_pb2 import HttpBody
from google.protobuf.json_format import ParseDict
from grpc import aio
from gymlocker.v2 import backup_pb2, backup_pb2_grpc, workout_pb2

from server.programs.demo.transport import grpc_error, rest_error
from tests.support.client import User
from tests.support.streams import answered

Metadata = list[tuple[str, str]]

CHUNK = 300_000


class Owner(Protocol):
    """A user and their backups. Calls raise CallError."""

    @property
    def user(self) -> User:
        """Return the user."""

    @property
    def credentials(self) -> Metadata:
        """Return the headers that authenticate the user."""

    async def upload(self, data: bytes) -> backup_pb2.Backup:
        """Send a backup."""

    async def download(self, backup_id: str = "") -> bytes:
        """Return the contents of a backup."""

    async def all(self) -> list[backup_pb2.Backup]:
        """Return all backups."""

    async def delete(self, backup_id: str) -> None:
        """Delete a backup."""

    async def load(self, backup_id: str, **options: Any) -> workout_pb2.ImportWorkoutsResponse:
        """Import a backup."""


@dataclass(frozen=True)
class GrpcOwner:
    """An owner over gRPC."""

    user: User
    credentials: Metadata
    channel: aio.Channel

    @property
    def stub(self) -> Any:
        return backup_pb2_grpc.BackupServiceStub(self.channel)

    async def upload(self, data: bytes) -> backup_pb2.Backup:
        def requests() -> Iterator[backup_pb2.UploadBackupRequest]:
            for start in range(0, len(data) or 1, CHUNK):
                yield backup_pb2.UploadBackupRequest(
                    file=HttpBody(data=data[start : start + CHUNK])
                )

        backup: backup_pb2.Backup = await self._answer(
            lambda: self.stub.UploadBackup(requests(), metadata=self.credentials)
        )
        return backup

    async def download(self, backup_id: str = "") -> bytes:
        request = backup_pb2.DownloadBackupRequest(id=backup_id)
        call = self.stub.DownloadBackup(request, metadata=self.credentials)
        try:
            return b"".join([body.data async for body in call])
        except aio.AioRpcError as error:
            raise grpc_error(error) from error

    async def all(self) -> list[backup_pb2.Backup]:
        request = backup_pb2.ListBackupsRequest()
        found = await self._answer(
            lambda: self.stub.ListBackups(request, metadata=self.credentials)
        )
        return list(found.backups)

    async def delete(self, backup_id: str) -> None:
        request = backup_pb2.DeleteBackupRequest(id=backup_id)
        await self._answer(lambda: self.stub.DeleteBackup(request, metadata=self.credentials))

    async def load(self, backup_id: str, **options: Any) -> workout_pb2.ImportWorkoutsResponse:
        request = backup_pb2.ImportBackupRequest(id=backup_id, **options)
        response: workout_pb2.ImportWorkoutsResponse = await self._answer(
            lambda: self.stub.ImportBackup(request, metadata=self.credentials)
        )
        return response

    async def _answer(self, call: Callable[[], Any]) -> Any:
        async def once() -> Any:
            return await call()

        try:
            return await answered(once)
        except aio.AioRpcError as error:
            raise grpc_error(error) from error


@dataclass(frozen=True)
class RestOwner:
    """An owner over REST."""

    user: User
    credentials: Metadata
    http: httpx2.AsyncClient

    async def upload(self, data: bytes) -> backup_pb2.Backup:
        response = await self._answer("POST", "/backup", content=data)
        return ParseDict(response.json(), backup_pb2.Backup())

    async def download(self, backup_id: str = "") -> bytes:
        path = f"/backups/{backup_id}" if backup_id else "/backup"
        return (await self._answer("GET", path)).content

    async def all(self) -> list[backup_pb2.Backup]:
        found = (await self._answer("GET", "/backups")).json()
        return list(ParseDict(found, backup_pb2.ListBackupsResponse()).backups)

    async def delete(self, backup_id: str) -> None:
        assert (await self._answer("DELETE", f"/backups/{backup_id}")).json() == {}

    async def load(self, backup_id: str, **options: Any) -> workout_pb2.ImportWorkoutsResponse:
        query = {
            name: str(value).lower() if isinstance(value, bool) else value
            for name, value in options.items()
        }
        response = await self._answer("POST", f"/backups/{backup_id}/import", params=query)
        return ParseDict(response.json(), workout_pb2.ImportWorkoutsResponse())

    async def _answer(self, verb: str, path: str, **options: Any) -> httpx2.Response:
        response = await self.http.request(verb, path, headers=dict(self.credentials), **options)
        if response.status_code != 200:
            raise rest_error(response)
        return response


def objects_of(owner: Owner) -> str:
    """Return a query of the objects of a user's backups."""
    user_id = UUID(owner.user.id)
    return f"SELECT * FROM backup_objects WHERE user_id = '{user_id}'"
