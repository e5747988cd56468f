"""Storing a backup, so that a crash at any moment leaves it whole or not at all."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from uuid import UUID, uuid4

from server.errors import GymlockerError, Unavailable
from server.libraries.common.full_disk import full_disk_refused
from server.libraries.limits.transfers import Transfer
from server.services.backup.model import Added
from server.services.backup.object_store import ObjectStore
from server.services.backup.repository import LEASE, BackupRepository, upload_expired
from server.services.backup.transfer import Transporter

EXTEND_SECONDS = 30
# An upload ends before others may remove its object.
MAX_UNEXTENDED_SECONDS = LEASE.total_seconds() - EXTEND_SECONDS


class Uploader:
    """Stores backups.

    Calls `removable` when objects may have become unused, `importable` when a backup is to be
    imported.
    """

    def __init__(
        self,
        backups: BackupRepository,
        store: ObjectStore,
        transporter: Transporter,
        *,
        removable: Callable[[], None],
        importable: Callable[[], None],
    ) -> None:
        self._backups = backups
        self._store = store
        self._transporter = transporter
        self._removable = removable
        self._importable = importable

    async def upload(self, user_id: UUID, transfer: Transfer, data: AsyncIterator[bytes]) -> Added:
        """Store the contents and add an entry, unless they equal the newest backup."""
        object_id = uuid4()
        await self._backups.reserve(user_id, object_id)
        is_sent = False
        try:
            async with self._extended(object_id):
                with full_disk_refused(), self._store.spool(object_id) as spool:
                    contents = await self._transporter.receive(transfer, data, spool)
                    is_sent = True
                    await self._store.put(object_id, spool)
                added = await self._backups.add(user_id, object_id, contents)
        except BaseException:
            # A store that did not answer may still be writing: then the sweep waits for the lease.
            if not is_sent:
                await self._release(object_id)
            raise
        # Thinned backups, or an older object with the same contents.
        self._removable()
        if added.is_imported:
            self._importable()
        return added

    async def delete(self, user_id: UUID, backup_id: UUID) -> None:
        """Delete an entry, if there is one."""
        await self._backups.delete(user_id, backup_id)
        self._removable()

    async def _release(self, object_id: UUID) -> None:
        # Without a database, the lease expires.
        with suppress(GymlockerError):
            await self._backups.release(object_id)
            self._removable()

    @asynccontextmanager
    async def _extended(self, object_id: UUID) -> AsyncIterator[None]:
        """Extend the lease inside. Raises Unavailable if that fails for too long."""
        deadline = asyncio.timeout(MAX_UNEXTENDED_SECONDS)
        try:
            async with deadline:
                extending = asyncio.create_task(self._extend(object_id, deadline))
                try:
                    yield
                finally:
                    extending.cancel()
        except TimeoutError:
            if not deadline.expired():
                raise
            raise upload_expired() from None

    async def _extend(self, object_id: UUID, deadline: asyncio.Timeout) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(EXTEND_SECONDS)
            try:
                is_extended = await self._backups.extend(object_id)
            except Unavailable:
                continue
            deadline.reschedule(loop.time() + (MAX_UNEXTENDED_SECONDS if is_extended else 0))
