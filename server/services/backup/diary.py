"""Importing backups into the training log."""

from tempfile import TemporaryFile
from uuid import UUID

from gymlocker.v2 import workout_pb2

from server.services.backup.model import Backup
from server.services.backup.transfer import Transporter
from server.services.workout.importer import Importer


class Diary:
    """Importer of stored backups."""

    def __init__(self, transporter: Transporter, importer: Importer) -> None:
        self._transporter = transporter
        self._importer = importer

    async def import_backup(
        self,
        owner_id: UUID,
        network: str,
        backup: Backup,
        options: workout_pb2.ImportWorkoutsRequest,
    ) -> workout_pb2.ImportWorkoutsResponse:
        """Import a backup as if its owner had sent the file.

        Raises InvalidArgument if it cannot be read, Unavailable if the store is unreachable.
        """
        with self._importer.slot(owner_id, network), TemporaryFile() as file:
            await self._transporter.write(backup, file)
            return await self._importer.import_file(owner_id, network, file, options)
