"""Keeps `users.last_accessed` without making every read a write.

Who was seen is collected in memory and written now and then. A crash loses a minute of it, which
nobody was promised.
"""

import asyncio
from uuid import UUID

import structlog

from server.errors import Unavailable
from server.user.repository import UserRepository

INTERVAL_SECONDS = 60

_log = structlog.get_logger("last_accessed")


class LastAccessed:
    """Who was seen since the last time it was written."""

    def __init__(self, users: UserRepository) -> None:
        self._users = users
        self._seen: set[UUID] = set()

    def saw(self, user_id: UUID) -> None:
        """Notes that the user was there."""
        self._seen.add(user_id)

    async def write_forever(self) -> None:
        """Writes every INTERVAL_SECONDS, until cancelled."""
        while True:
            await asyncio.sleep(INTERVAL_SECONDS)
            await self.write()

    async def write(self) -> None:
        """Writes who was seen; keeps it for the next time if the database is out of reach."""
        seen, self._seen = self._seen, set()
        try:
            if seen:
                await self._users.seen(seen)
        except Unavailable as error:
            self._seen |= seen
            _log.warning("postponed", reason=error.reason)
