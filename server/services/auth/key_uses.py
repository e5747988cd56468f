"""A buffer for `access_keys.last_used`, so that not every call with a key is a write.

The time is kept to the minute, and is written with a delay of some seconds.
"""

from uuid import UUID

from server.libraries.database.write_buffer import WriteBuffer
from server.services.auth.access_key_repository import AccessKeyRepository

INTERVAL_SECONDS = 10


class KeyUses(WriteBuffer[tuple[UUID, UUID]]):
    """Keys, by user and id, that were used since the last write."""

    def __init__(self, keys: AccessKeyRepository) -> None:
        super().__init__("key_uses", keys.touch)
