"""A buffer of keys whose use is written to the database now and then.

So not every read is a write. A crash loses what was not written yet.
"""

from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

import structlog
from asyncpg import PostgresError

from server.errors import GymlockerError

Key = TypeVar("Key", bound=Hashable)


class WriteBuffer(Generic[Key]):
    """Keys that were used since the last write."""

    def __init__(self, name: str, write_all: Callable[[set[Key]], Awaitable[None]]) -> None:
        self._log = structlog.get_logger(name)
        self._write_all = write_all
        self._touched: set[Key] = set()

    def touch(self, key: Key) -> None:
        """Record that the key was used."""
        self._touched.add(key)

    async def write(self) -> None:
        """Write the used keys; keep them for the next time if the database fails."""
        touched, self._touched = self._touched, set()
        try:
            if touched:
                await self._write_all(touched)
        except (GymlockerError, PostgresError) as error:
            self._touched |= touched
            self._log.warning("job_deferred", error=type(error).__name__)
