"""A store of objects in a folder.

objects/<id>.age   complete objects
incoming/<id>      files of uploads in progress, or of workers that were killed
"""

import asyncio
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from server.errors import StartError
from server.services.backup.object_store import ObjectMissing, file_name, reachable


class FolderStore:
    """Objects as files in a folder, which all workers share."""

    def __init__(self, folder: Path) -> None:
        self.folder: Path | None = folder
        self._root = folder

    @contextmanager
    def spool(self, object_id: UUID) -> Iterator[BinaryIO]:
        """Open a new file beside the objects; remove it unless it became one."""
        path = self._incoming(object_id)
        with reachable("spool"):
            file = _new_file(path)
        try:
            with file:
                yield file
        finally:
            path.unlink(missing_ok=True)

    async def put(self, object_id: UUID, spool: BinaryIO) -> None:
        """Rename the file, with everything on the disk."""
        with reachable("put"):
            await asyncio.to_thread(self._put, object_id, spool)

    @contextmanager
    def open(self, object_id: UUID) -> Iterator[BinaryIO]:
        """Open the file."""
        try:
            file = self._object(object_id).open("rb")
        except FileNotFoundError:
            raise ObjectMissing from None
        with file:
            yield file

    async def remove(self, object_ids: Sequence[UUID]) -> None:
        """Remove the files, with everything on the disk."""
        with reachable("remove"):
            await asyncio.to_thread(self._remove, object_ids)

    async def close(self) -> None:
        """Do nothing."""

    async def check(self) -> bool:
        """Create the folders if they are missing."""
        await asyncio.to_thread(self._make_folders)
        return True

    def _put(self, object_id: UUID, spool: BinaryIO) -> None:
        spool.flush()
        os.fsync(spool.fileno())
        self._incoming(object_id).rename(self._object(object_id))
        self._sync_folders()

    def _remove(self, object_ids: Sequence[UUID]) -> None:
        for object_id in object_ids:
            self._object(object_id).unlink(missing_ok=True)
            self._incoming(object_id).unlink(missing_ok=True)
        self._sync_folders()

    def _make_folders(self) -> None:
        try:
            for folder in (self._root, *self._folders()):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
                    raise PermissionError(None, "Permission denied", str(folder))
        except OSError as error:
            raise StartError(
                f"BACKUP_STORE: {error.filename} is not a usable folder ({error.strerror}): create "
                "it, and give the server's user access to it."
            ) from None

    def _folders(self) -> tuple[Path, Path]:
        return self._root / "objects", self._root / "incoming"

    def _sync_folders(self) -> None:
        """Make renames and removals durable."""
        for folder in self._folders():
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _object(self, object_id: UUID) -> Path:
        return self._root / file_name(object_id)

    def _incoming(self, object_id: UUID) -> Path:
        return self._root / "incoming" / str(object_id)


def _new_file(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b")
