"""The backups of a worker."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

import structlog

from server.libraries.common.periodic import repeat
from server.libraries.database.pool import Database
from server.libraries.limits.bucket_repository import BucketRepository
from server.libraries.limits.rate_limits import BackupUploads
from server.libraries.rpc.server import Background
from server.libraries.settings import WorkerSettings
from server.services.backup.diary import Diary
from server.services.backup.due_imports import DueImportRepository
from server.services.backup.import_job import INTERVAL_SECONDS as IMPORT_SECONDS
from server.services.backup.import_job import ImportJob
from server.services.backup.repository import BackupRepository
from server.services.backup.setup import cipher_of, retention_of, store_of
from server.services.backup.sweeper import INTERVAL_SECONDS as SWEEP_SECONDS
from server.services.backup.sweeper import Sweeper
from server.services.backup.transfer import MIB, Transporter
from server.services.backup.uploader import Uploader
from server.services.workout.importer import Importer

_log = structlog.get_logger("backup")


@dataclass(frozen=True)
class Backups:
    """The objects that store and return backups."""

    repository: BackupRepository
    transporter: Transporter
    uploader: Uploader
    sweeper: Sweeper
    rate: BackupUploads
    diary: Diary
    imports: ImportJob

    def background(self) -> list[Background]:
        """Return the periodic jobs."""
        sweeping = partial(repeat, self.sweeper.sweep, name="backups", wake=self.sweeper.wake)
        importing = partial(repeat, self.imports.run, name="imports", wake=self.imports.wake)
        return [
            partial(sweeping, interval_seconds=SWEEP_SECONDS),
            partial(importing, interval_seconds=IMPORT_SECONDS),
        ]


async def build_backups(
    settings: WorkerSettings,
    database: Database,
    buckets: BucketRepository,
    importer: Importer,
    resources: AsyncExitStack,
) -> Backups | None:
    """Build the objects; None if backups are off. Raises StartError if they cannot be stored."""
    if not settings.features.backup_enabled or not settings.backups.are_set:
        return None
    backups = settings.backups
    store = store_of(backups)
    if not await store.check():
        _log.warning("store_does_not_respond")
    resources.push_async_callback(store.close)
    transporter = Transporter(
        store, cipher_of(backups), max_bytes=backups.backup_max_mebibytes * MIB
    )
    resources.callback(transporter.close)
    repository = BackupRepository(database, retention_of(backups))
    sweeper = Sweeper(repository, store)
    diary = Diary(transporter, importer)
    imports = ImportJob(DueImportRepository(database), diary)
    return Backups(
        repository,
        transporter,
        Uploader(
            repository,
            store,
            transporter,
            removable=sweeper.wake.set,
            importable=imports.wake.set,
        ),
        sweeper,
        BackupUploads(buckets, backups.backups_per_user),
        diary,
        imports,
    )
