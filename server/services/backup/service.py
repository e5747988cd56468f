"""BackupService: backups of LiftLog's app."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from uuid import UUID

from google.api.httpbody_pb2 import HttpBody
from gymlocker.v2 import backup_pb2, backup_pb2_grpc, workout_pb2

from server.errors import NotFound, PermissionDenied
from server.libraries.limits.rate_limits import BackupUploads
from server.libraries.limits.transfers import Transfers
from server.libraries.network.client_network import network_of
from server.libraries.network.grpc_protocol import CONTENT_LENGTH_KEY
from server.libraries.rpc.context import Context, address_of, caller, values_of
from server.libraries.rpc.conversions import set_time
from server.services.backup.diary import Diary
from server.services.backup.download import headers_of, is_head, is_known
from server.services.backup.model import Backup
from server.services.backup.repository import BackupRepository
from server.services.backup.transfer import Transporter, require_size
from server.services.backup.uploader import Uploader

PROBE_KEY = "x-liftlog-probe"
CONTENT_TYPE = "application/gzip"


class BackupService(backup_pb2_grpc.BackupServiceServicer):
    """Servicer of BackupService."""

    def __init__(
        self,
        backups: BackupRepository,
        uploader: Uploader,
        transporter: Transporter,
        rate: BackupUploads,
        uploads: Transfers,
        downloads: Transfers,
        diary: Diary,
    ) -> None:
        self._backups = backups
        self._uploader = uploader
        self._transporter = transporter
        self._rate = rate
        self._uploads = uploads
        self._downloads = downloads
        self._diary = diary

    async def UploadBackup(
        self, request_iterator: AsyncIterator[backup_pb2.UploadBackupRequest], context: Context
    ) -> backup_pb2.Backup:
        """Store a backup; a probe stores nothing."""
        user_id = caller().user_id
        if values_of(PROBE_KEY):
            return backup_pb2.Backup()
        for length in values_of(CONTENT_LENGTH_KEY):
            require_size(int(length), self._transporter.max_bytes)
        await self._rate.check(user_id)
        with self._uploads.acquire(user_id, network_of(address_of(context))) as transfer:
            added = await self._uploader.upload(user_id, transfer, _data_of(request_iterator))
        if added.is_new:
            await self._rate.count(user_id)
        return _message(added.backup)

    # A coroutine, so that the deadline of the transfer covers the writing, too.
    async def DownloadBackup(  # type: ignore[override]
        self, request: backup_pb2.DownloadBackupRequest, context: Context
    ) -> None:
        """Stream a backup byte for byte."""
        user_id = caller().user_id
        backup = await self._get(user_id, request.id)
        if is_known(backup) or is_head():
            await context.send_initial_metadata(headers_of(backup))
            await context.write(HttpBody(content_type=CONTENT_TYPE))
            return
        with self._downloads.acquire(user_id, network_of(address_of(context))) as transfer:
            async with transfer.flowing(), aclosing(self._transporter.chunks(backup)) as chunks:
                are_headers_sent = False
                async for chunk in chunks:
                    # After the first chunk: an error until then still has a status.
                    if not are_headers_sent:
                        await context.send_initial_metadata(headers_of(backup))
                        are_headers_sent = True
                    await context.write(HttpBody(content_type=CONTENT_TYPE, data=chunk))
                    transfer.moved(len(chunk))

    async def ListBackups(
        self, request: backup_pb2.ListBackupsRequest, context: Context
    ) -> backup_pb2.ListBackupsResponse:
        """Return all backups of the caller."""
        backups = await self._backups.all(caller().user_id)
        return backup_pb2.ListBackupsResponse(backups=map(_message, backups))

    async def DeleteBackup(
        self, request: backup_pb2.DeleteBackupRequest, context: Context
    ) -> backup_pb2.DeleteBackupResponse:
        """Delete a backup."""
        user_id = caller().user_id
        backup = await self._get(user_id, request.id)
        await self._uploader.delete(user_id, backup.id)
        return backup_pb2.DeleteBackupResponse()

    async def ImportBackup(
        self, request: backup_pb2.ImportBackupRequest, context: Context
    ) -> workout_pb2.ImportWorkoutsResponse:
        """Import a backup into the caller's training log."""
        if not caller().has_account:
            raise PermissionDenied(
                "Only accounts have a training log. Use an access key of your account.",
                reason="ACCOUNT_REQUIRED",
            )
        user_id = caller().user_id
        backup = await self._get(user_id, request.id)
        options = workout_pb2.ImportWorkoutsRequest(
            dry_run=request.dry_run,
            all_or_nothing=request.all_or_nothing,
            default_duration=request.default_duration,
            unit=request.unit,
            time_zone=request.time_zone,
            on_change=request.on_change,
        )
        network = network_of(address_of(context))
        return await self._diary.import_backup(user_id, network, backup, options)

    async def _get(self, user_id: UUID, backup_id: str) -> Backup:
        """Return a backup, by default the newest one. Raises NotFound."""
        backup = await self._backups.get(user_id, UUID(backup_id) if backup_id else None)
        if backup is None:
            raise NotFound("There is no such backup.", reason="BACKUP_NOT_FOUND")
        return backup


async def _data_of(requests: AsyncIterator[backup_pb2.UploadBackupRequest]) -> AsyncIterator[bytes]:
    """Yield the chunks, without keeping the message that each came in."""
    async for request in requests:
        data = request.file.data
        del request
        yield data
        del data


def _message(backup: Backup) -> backup_pb2.Backup:
    message = backup_pb2.Backup(
        id=str(backup.id), size=backup.contents.size, sha256=backup.contents.sha256.hex()
    )
    set_time(message.create_time, backup.created)
    return message
