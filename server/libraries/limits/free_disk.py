"""Free space of the file systems that data is stored on."""

import asyncio
import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Protocol

import structlog

from server.errors import disk_full

REFRESH_SECONDS = 2

_log = structlog.get_logger("disk")


class FileSystem(Protocol):
    """Size and free space of a file system, in blocks."""

    @property
    def f_blocks(self) -> int:
        """Return the number of all blocks."""

    @property
    def f_bavail(self) -> int:
        """Return the number of blocks that unprivileged users may still use."""


class DiskWatch:
    """Watch on the disks under `folders`, each full below `min_free` percent of free space.

    Without a folder, the disk is never considered full.
    """

    def __init__(
        self,
        folders: Collection[Path],
        min_free: float,
        *,
        statvfs: Callable[[Path], FileSystem] = os.statvfs,
    ) -> None:
        self._folders = folders
        self._min_free = min_free
        self._statvfs = statvfs
        self._is_full = False

    def check(self) -> None:
        """Raise ResourceExhausted if the disk is full."""
        if self._is_full:
            raise disk_full()

    async def refresh(self) -> None:
        """Read the free space."""
        if not self._folders or not self._min_free:
            return
        is_full = any([await self._lacks_room(folder) for folder in self._folders])
        if is_full != self._is_full:
            _log.warning("disk_full" if is_full else "disk_has_room")
        self._is_full = is_full

    async def _lacks_room(self, folder: Path) -> bool:
        try:
            found = await asyncio.to_thread(self._statvfs, folder)
        except OSError as error:
            # Not a reason to reject requests: PostgreSQL itself reports when the disk is full.
            _log.warning("free_space_unknown", error=error.strerror)
            return False
        return found.f_bavail * 100 < found.f_blocks * self._min_free
