"""A buffer for `users.last_accessed`, so that not every read is a write.

Users who call are collected in memory and written once a minute. A crash loses up to a minute of
them, which is acceptable: the time is kept to the day only.
"""

from uuid import UUID

from server.libraries.database.write_buffer import WriteBuffer
from server.services.user.repository import UserRepository

INTERVAL_SECONDS = 60


class LastAccessed(WriteBuffer[UUID]):
    """Users who called since the last write."""

    def __init__(self, users: UserRepository) -> None:
        super().__init__("last_accessed", users.touch)
