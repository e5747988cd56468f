"""Removal of objects that no backup uses."""

import asyncio

from server.services.backup.object_store import ObjectStore
from server.services.backup.repository import BackupRepository

INTERVAL_SECONDS = 30
BATCH = 100


class Sweeper:
    """Removes unused objects, in small batches. Several workers may do it at the same time."""

    def __init__(self, backups: BackupRepository, store: ObjectStore) -> None:
        self._backups = backups
        self._store = store
        # Set when there may be something to remove.
        self.wake = asyncio.Event()

    async def sweep(self) -> None:
        """Remove all unused objects: first from the store, then their rows."""
        while object_ids := await self._backups.doom(BATCH):
            await self._store.remove(object_ids)
            await self._backups.forget(object_ids)
