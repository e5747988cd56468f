"""Keeps `users.last_accessed` without making every read a write.

Who was seen is collected in memory and written now and then. A crash loses a minute of it, which
nobody was promised.
"""

from uuid import UUID

import structlog
from asyncpg import PostgresError

from server.errors import GymlockerError
from server.services.user.repository import UserRepository

INTERVAL_SECONDS = 60

_log = structlog.get_logger("last_accessed")


class LastAccessed:
    """Who was seen since the last time it was written."""

    def __init__(self, users: UserRepository) -> None:
        self._users = users
        self._seen: set[UUID] = set()

    def touch(self, user_id: UUID) -> None:
        """Notes that the user was there."""
        self._seen.add(user_id)

    async def write(self) -> None:
        """Writes who was seen; keeps it for the next time if the database will not have it."""
        seen, self._seen = self._seen, set()
        try:
            if seen:
                await self._users.touch(seen)
        except (GymlockerError, PostgresError) as error:
            self._seen |= seen
            _log.warning("job_deferred", error=type(error).__name__)
