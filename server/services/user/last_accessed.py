"""A buffer for `users.last_accessed`, so that not every read is a write.

Users who call are collected in memory and written once a minute. A crash loses up to a minute of
them, which is acceptable: the time is kept to the day only.
"""

from uuid import UUID

import structlog
from asyncpg import PostgresError

from server.errors import GymlockerError
from server.services.user.repository import UserRepository

INTERVAL_SECONDS = 60

_log = structlog.get_logger("last_accessed")


class LastAccessed:
    """Users who called since the last write."""

    def __init__(self, users: UserRepository) -> None:
        self._users = users
        self._touched: set[UUID] = set()

    def touch(self, user_id: UUID) -> None:
        """Record that the user called."""
        self._touched.add(user_id)

    async def write(self) -> None:
        """Write the users who called; keep them for the next time if the database fails."""
        touched, self._touched = self._touched, set()
        try:
            if touched:
                await self._users.touch(touched)
        except (GymlockerError, PostgresError) as error:
            self._touched |= touched
            _log.warning("job_deferred", error=type(error).__name__)
