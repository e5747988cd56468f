"""SQL of the backups that are to be imported into the training log."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import asyncpg
from sqlalchemy import (
    DateTime,
    Interval,
    Text,
    Uuid,
    and_,
    bindparam,
    exists,
    func,
    null,
    or_,
    select,
    tuple_,
    update,
)

from server.libraries.database.pool import Connection, Database
from server.libraries.database.schema import backup_objects, backups
from server.libraries.database.statement import Statement
from server.services.backup.model import Backup, backup_of

# A worker that was killed during an import leaves it to others after this time.
LEASE = timedelta(minutes=10)
MAX_TRIES = 3

# Claims follow one another: none misses another that was made a moment ago.
_LOCK = Statement(select(func.pg_advisory_xact_lock(func.hashtextextended("backup imports", 0))))
_others = backups.alias("others")
# An older backup must not overwrite the workouts of a newer one. So the newest one of a user is
# imported, and nothing beside another import. One that was postponed is not in progress.
_precedes = or_(
    and_(_others.c.import_due > func.clock_timestamp(), _others.c.import_problem.is_(None)),
    and_(
        _others.c.import_due <= func.clock_timestamp(),
        _others.c.import_tries < MAX_TRIES,
        _others.c.created > backups.c.created,
    ),
)
_next = (
    select(backups.c.user_id, backups.c.id)
    .where(
        backups.c.import_due <= func.clock_timestamp(),
        backups.c.import_tries < MAX_TRIES,
        ~exists().where(
            _others.c.user_id == backups.c.user_id, _others.c.id != backups.c.id, _precedes
        ),
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
        import_problem=null(),
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
_of_user = backups.c.user_id == bindparam("user_id", type_=Uuid)
_of_backup = (_of_user, backups.c.id == bindparam("id", type_=Uuid))
# The newer backup has all that older ones would add.
_END = Statement(
    update(backups)
    .where(_of_user, backups.c.created <= bindparam("created", type_=DateTime(timezone=True)))
    .values(import_due=null())
)
_GIVE_UP = Statement(
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

        async def action(connection: Connection) -> asyncpg.Record | None:
            await connection.execute(_LOCK.sql, *_LOCK.arguments({}))
            return await connection.fetchrow(_CLAIM.sql, *_CLAIM.arguments({"lease": LEASE}))

        row = await self._database.transact(action)
        return DueImport(row["user_id"], backup_of(row), row["import_tries"]) if row else None

    async def end(self, due: DueImport) -> None:
        """End an import that succeeded, and those of the user's older backups."""
        await self._database.execute(_END, user_id=due.user_id, created=due.backup.created)

    async def give_up(self, due: DueImport, problem: str) -> None:
        """End an import that failed for good. An older backup may then be imported."""
        await self._database.execute(
            _GIVE_UP, user_id=due.user_id, id=due.backup.id, problem=problem
        )

    async def postpone(self, due: DueImport, problem: str) -> None:
        """Note the reason of a failure. The import is tried again when its lease has expired."""
        await self._database.execute(_NOTE, user_id=due.user_id, id=due.backup.id, problem=problem)
