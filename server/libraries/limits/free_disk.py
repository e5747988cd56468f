"""Free space of the file system that the database is on."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import structlog

from server.errors import disk_full

LOOK_SECONDS = 2

_log = structlog.get_logger("disk")


class FileSystem(Protocol):
    """How large a file system is, and what of it is free, in blocks."""

    @property
    def f_blocks(self) -> int:
        """All blocks."""

    @property
    def f_bavail(self) -> int:
        """Those that anybody may still use."""


class DiskWatch:
    """Knows whether at least `min_free` percent of the disk under `folder` are free.

    Without a folder, nothing is known and all is well.
    """

    def __init__(
        self,
        folder: Path | None,
        min_free: float,
        *,
        statvfs: Callable[[Path], FileSystem] = os.statvfs,
    ) -> None:
        self._folder = folder
        self._min_free = min_free
        self._statvfs = statvfs
        self._is_full = False

    def check(self) -> None:
        """Raise ResourceExhausted if too little is free."""
        if self._is_full:
            raise disk_full()

    async def look(self) -> None:
        """Find out how much is free."""
        if self._folder is None or not self._min_free:
            return
        try:
            found = await asyncio.to_thread(self._statvfs, self._folder)
        except OSError as error:
            # Not to know is no reason to refuse: PostgreSQL itself says when the disk is full.
            _log.warning("not seen", error=error.strerror)
            is_full = False
        else:
            is_full = found.f_bavail * 100 < found.f_blocks * self._min_free
        if is_full != self._is_full:
            _log.warning("disk is full" if is_full else "disk has room again")
        self._is_full = is_full
