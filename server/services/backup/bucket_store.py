"""A store of objects in a bucket: Amazon S3 and its relatives, Google Cloud, Azure."""

import asyncio
import io
import os
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO
from uuid import UUID

import httpx2
import obstore
from obstore.exceptions import BaseError
from obstore.store import from_url

from server.errors import StartError
from server.libraries.settings import BackupSettings
from server.services.backup.object_store import ObjectMissing, file_name, reachable

# Bytes that are read at once, of a file and of the store.
CHUNK_BYTES = 64 * 1024
# A signed URL must be used within this time.
URL_LIFETIME = timedelta(minutes=5)
CHECK_SECONDS = 5.0
# Written and removed at the start.
CHECK_NAME = "check"
# Azure would otherwise expect another request that names its blocks.
_HEADERS = {"az": {"x-ms-blob-type": "BlockBlob"}}
_TIMEOUTS = {"connect_timeout": "5s", "read_timeout": "30s", "timeout": "3600s"}


class BucketStore:
    """Objects in a bucket, below a prefix.

    An object is sent by one PUT to a signed URL. The library itself would send a large one in
    parts, and a killed worker would leave parts that only some programs list.
    """

    def __init__(self, settings: BackupSettings) -> None:
        self.folder: Path | None = None
        url = str(settings.backup_store)
        self._headers = _HEADERS.get(url.partition(":")[0], {})
        try:
            options: Any = {
                "config": _config(settings) if url.startswith("s3:") else None,
                "client_options": {**_TIMEOUTS, "allow_http": _allows_http(settings)},
                "retry_config": {"max_retries": 2, "retry_timeout": timedelta(seconds=10)},
            }
            self._store: Any = from_url(url, **options)
        except BaseError as error:
            raise _unusable(str(error)) from error
        self._http = httpx2.AsyncClient(timeout=httpx2.Timeout(30.0, connect=5.0))

    @contextmanager
    def spool(self, object_id: UUID) -> Iterator[BinaryIO]:
        """Open a file without a name, which disappears with the worker."""
        with TemporaryFile() as file:
            yield file

    async def put(self, object_id: UUID, spool: BinaryIO) -> None:
        """Send the file."""
        with reachable("put"):
            await self._send(file_name(object_id), spool)

    @contextmanager
    def open(self, object_id: UUID) -> Iterator["_Stream"]:
        """Open the object."""
        try:
            found = obstore.get(self._store, file_name(object_id))
        except FileNotFoundError:
            raise ObjectMissing from None
        yield _Stream(found.stream(min_chunk_size=CHUNK_BYTES))

    async def remove(self, object_ids: Sequence[UUID]) -> None:
        """Remove the objects."""
        with reachable("remove"):
            for object_id in object_ids:
                await self._remove(file_name(object_id))

    async def close(self) -> None:
        """Close connections."""
        await self._http.aclose()

    async def check(self) -> bool:
        """Write and remove a small object; return False if the store does not respond.

        Raises StartError if the store refuses it.
        """
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await self._send(CHECK_NAME, io.BytesIO(b"check"))
                await self._remove(CHECK_NAME)
        except httpx2.HTTPStatusError as error:
            if error.response.is_client_error:
                raise _unusable(error.response.text or str(error)) from error
            return False
        except (BaseError, PermissionError) as error:
            raise _unusable(str(error)) from error
        except (httpx2.HTTPError, OSError):
            # A timeout, too.
            return False
        return True

    async def _remove(self, name: str) -> None:
        """Remove an object, if it exists."""
        # Only S3 ignores missing ones. In a list, the first of them would keep the rest.
        with suppress(FileNotFoundError):
            await obstore.delete_async(self._store, name)

    async def _send(self, name: str, file: BinaryIO) -> None:
        """Send a file by one request."""
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        url = await obstore.sign_async(self._store, "PUT", name, URL_LIFETIME)
        headers = {"content-length": str(size), **self._headers}
        response = await self._http.put(url, content=_chunks(file), headers=headers)
        response.raise_for_status()


class _Stream:
    """The chunks of an object as a source."""

    def __init__(self, chunks: Iterator[Any]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def read(self, size: int = -1, /) -> bytes:
        if not self._rest:
            self._rest = memoryview(next(self._chunks, b""))
        data = bytes(self._rest[:size]) if size >= 0 else bytes(self._rest)
        self._rest = self._rest[len(data) :]
        return data


async def _chunks(file: BinaryIO) -> AsyncIterator[bytes]:
    while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
        yield chunk


def _config(settings: BackupSettings) -> Any:
    """Return what is set here of S3's configuration. The library reads other AWS_… variables."""
    secret = settings.aws_secret_access_key
    found = {
        "access_key_id": settings.aws_access_key_id,
        "secret_access_key": secret.get_secret_value() if secret else None,
        "region": settings.aws_region,
        "endpoint": settings.aws_endpoint_url,
    }
    return {name: value for name, value in found.items() if value}


def _allows_http(settings: BackupSettings) -> bool:
    """Check whether the store is a server without TLS, as in a home network."""
    return (settings.aws_endpoint_url or "").startswith("http://")


def _unusable(text: str) -> StartError:
    # The store's own sentence, or the first of the library's many lines.
    found = re.search("<Message>(.*?)</Message>", text)
    problem = found[1] if found else text.partition("\n")[0]
    return StartError(
        f"BACKUP_STORE cannot be used: {problem.rstrip('.')}. Check the bucket's name, the keys "
        "and their permissions (read, write, delete)."
    )
