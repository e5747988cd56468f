"""SQL of the backups that are to be imported into the training log."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Interval, Text, Uuid, bindparam, func, null, select, tuple_, update

from server.libraries.database.pool import Database
from server.libraries.database.schema import backup_objects, backups
from server.libraries.database.statement import Statement
from server.services.backup.model import Backup, backup_of

# A worker that was killed during an import leaves it to others after this time.
LEASE = timedelta(minutes=10)
MAX_TRIES = 3

_next = (
    select(backups.c.user_id, backups.c.id)
    .where(
        backups.c.import_due <= func.clock_timestamp(),
        backups.c.import_tries < MAX_TRIES,
    )
    .order_by(backups.c.import_due)
    .limit(1)
    .with_for_update(skip_locked=True)
)
# The attempt is counted before it is made: a file that kills the worker is not tried forever.
_CLAIM = Statement(
    update(backups)
    .where(
        tuple_(backups.c.user_id, backups.c.id).in_(_next),
        backup_objects.c.id == backups.c.object_id,
    )
    .values(
        import_due=func.clock_timestamp() + bindparam("lease", type_=Interval),
        import_tries=backups.c.import_tries + 1,
    )
    .returning(
        backups.c.user_id,
        backups.c.id,
        backups.c.created,
        backups.c.object_id,
        backups.c.import_tries,
        backup_objects.c.sha256,
        backup_objects.c.size,
    )
)
_of_backup = (
    backups.c.user_id == bindparam("user_id", type_=Uuid),
    backups.c.id == bindparam("id", type_=Uuid),
)
_END = Statement(
    update(backups)
    .where(*_of_backup)
    .values(import_due=null(), import_problem=bindparam("problem", type_=Text))
)
_NOTE = Statement(
    update(backups).where(*_of_backup).values(import_problem=bindparam("problem", type_=Text))
)


@dataclass(frozen=True, slots=True)
class DueImport:
    """A backup to import, and how often that was tried, this time included."""

    user_id: UUID
    backup: Backup
    tries: int


class DueImportRepository:
    """The queue of imports."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self) -> DueImport | None:
        """Return the next import; others get it again when the lease has expired."""
        row = await self._database.fetch_one(_CLAIM, lease=LEASE)
        return DueImport(row["user_id"], backup_of(row), row["import_tries"]) if row else None

    async def end(self, due: DueImport, problem: str | None = None) -> None:
        """End an import, with the reason if it has failed for good."""
        await self._database.execute(_END, user_id=due.user_id, id=due.backup.id, problem=problem)

    async def postpone(self, due: DueImport, problem: str) -> None:
        """Note the reason of a failure. The import is tried again when its lease has expired."""
        await self._database.execute(_NOTE, user_id=due.user_id, id=due.backup.id, problem=problem)
