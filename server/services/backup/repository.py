"""SQL of backups, and of the objects in the store that hold their contents.

Changes of one user's backups lock the user, so they follow one another. An object's row is
committed before anything is written to the store, and deleted after everything is removed from
there.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Interval,
    LargeBinary,
    Uuid,
    any_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    null,
    select,
    update,
)

from server.errors import Unavailable, no_such_user
from server.libraries.database.pool import Connection, Database
from server.libraries.database.schema import backup_objects, backups, users
from server.libraries.database.statement import Statement
from server.services.backup.model import Added, Backup, Contents, backup_of
from server.services.backup.retention import Retention, kept

# An object belongs to an upload in progress for so long after it was last extended.
LEASE = timedelta(minutes=2)
RETRY_SECONDS = 5

_USER_ID = bindparam("user_id", type_=Uuid)
_ID = bindparam("id", type_=Uuid)
_OBJECT_ID = bindparam("object_id", type_=Uuid)
_IDS = bindparam("ids", type_=ARRAY(Uuid))
_LEASE = bindparam("lease", type_=Interval)

_RESERVE = Statement(
    insert(backup_objects).values(
        id=_OBJECT_ID, user_id=_USER_ID, unused=func.clock_timestamp() + _LEASE
    )
)
_EXTEND = Statement(
    update(backup_objects)
    .where(
        backup_objects.c.id == _OBJECT_ID,
        backup_objects.c.sha256.is_(None),
        backup_objects.c.doomed.is_(False),
    )
    .values(unused=func.clock_timestamp() + _LEASE)
    .returning(literal(1))
)
# The lock that deleting the user waits for, and that references to the user do not.
_LOCK_USER = Statement(
    select(users.c.import_backups).where(users.c.id == _USER_ID).with_for_update(key_share=True)
)
_rows = (
    select(
        backups.c.id,
        backups.c.created,
        backups.c.object_id,
        backup_objects.c.sha256,
        backup_objects.c.size,
    )
    .join_from(backups, backup_objects)
    .where(backups.c.user_id == _USER_ID)
)
_newest_first = (backups.c.created.desc(), backups.c.id.desc())
_LIST = Statement(_rows.order_by(*_newest_first))
_NEWEST = Statement(_rows.order_by(*_newest_first).limit(1))
_GET = Statement(_rows.where(backups.c.id == _ID))
_COMPLETE = Statement(
    update(backup_objects)
    .where(backup_objects.c.id == _OBJECT_ID, backup_objects.c.doomed.is_(False))
    .values(
        sha256=bindparam("sha256", type_=LargeBinary),
        size=bindparam("size", type_=BigInteger),
        unused=null(),
    )
    .returning(literal(1))
)
_OLD_IDS = bindparam("old_ids", type_=ARRAY(Uuid))
_REPLACE = Statement(
    update(backups)
    .where(backups.c.user_id == _USER_ID, backups.c.object_id == any_(_OLD_IDS))
    .values(object_id=_OBJECT_ID)
)
_ABANDON = Statement(
    update(backup_objects)
    .where(backup_objects.c.id == any_(_OLD_IDS))
    .values(unused=func.clock_timestamp())
)
_newest = select(func.max(backups.c.created)).where(backups.c.user_id == _USER_ID)
_ADD = Statement(
    insert(backups)
    .values(
        user_id=_USER_ID,
        id=_ID,
        # Also if the clock was set back.
        created=func.greatest(
            func.clock_timestamp(),
            _newest.scalar_subquery() + literal(timedelta(microseconds=1), Interval),
        ),
        object_id=_OBJECT_ID,
        import_due=case(
            (bindparam("is_imported", type_=Boolean), func.clock_timestamp()), else_=null()
        ),
    )
    .returning(backups.c.created)
)
_DELETE = Statement(
    delete(backups).where(backups.c.user_id == _USER_ID, backups.c.id == any_(_IDS))
)
_RELEASE = Statement(
    update(backup_objects)
    .where(backup_objects.c.id == _OBJECT_ID, backup_objects.c.sha256.is_(None))
    .values(unused=func.clock_timestamp())
)
_removable = (
    select(backup_objects.c.id)
    .where(backup_objects.c.unused <= func.clock_timestamp())
    .order_by(backup_objects.c.unused)
    .limit(bindparam("limit", type_=BigInteger))
    .with_for_update(skip_locked=True)
    .cte("removable")
)
_DOOM = Statement(
    update(backup_objects)
    .where(
        backup_objects.c.id == _removable.c.id,
        ~exists().where(backups.c.object_id == backup_objects.c.id),
    )
    .values(doomed=True)
    .returning(backup_objects.c.id)
)
_FORGET = Statement(
    delete(backup_objects).where(
        backup_objects.c.id == any_(_IDS), backup_objects.c.doomed.is_(True)
    )
)


class BackupRepository:
    """Store of the entries and of the objects' rows."""

    def __init__(self, database: Database, retention: Retention) -> None:
        self._database = database
        self._retention = retention

    async def reserve(self, user_id: UUID, object_id: UUID) -> None:
        """Record an object that is about to be written."""
        await self._database.execute(_RESERVE, user_id=user_id, object_id=object_id, lease=LEASE)

    async def extend(self, object_id: UUID) -> bool:
        """Keep the object of an upload for another LEASE; return False if it is being removed."""
        return bool(await self._database.fetch_one(_EXTEND, object_id=object_id, lease=LEASE))

    async def release(self, object_id: UUID) -> None:
        """Mark the object of an upload as not needed, unless a backup uses it."""
        await self._database.execute(_RELEASE, object_id=object_id)

    async def add(self, user_id: UUID, object_id: UUID, contents: Contents) -> Added:
        """Add an entry with contents that are stored in an object, and thin older ones.

        Contents that equal the newest backup add none. Older entries with the same contents get
        the new object, for the old one may be lost, or encrypted for a key that was replaced.

        Raises NotFound if the user was deleted, Unavailable if the object is being removed.
        """

        async def action(connection: Connection) -> Added:
            user = await _fetch_one(connection, _LOCK_USER, user_id=user_id)
            if user is None:
                raise no_such_user()
            rows = await connection.fetch(_LIST.sql, *_LIST.arguments({"user_id": user_id}))
            entries = [backup_of(row) for row in rows]
            await _complete(connection, object_id, contents)
            same = [each for each in entries if each.contents == contents]
            await _replace(connection, user_id, {each.object_id for each in same}, object_id)
            if same and same[0] == entries[0]:
                newest = replace(entries[0], object_id=object_id)
                return Added(newest, is_new=False, is_imported=False)
            new = await _add(
                connection, user_id, object_id, contents, is_imported=user["import_backups"]
            )
            await self._thin(connection, user_id, [new, *entries])
            return Added(new, is_new=True, is_imported=user["import_backups"])

        return await self._database.transact(action)

    async def get(self, user_id: UUID, backup_id: UUID | None) -> Backup | None:
        """Return a backup of the user, by default the newest one."""
        row = await (
            self._database.fetch_one(_GET, user_id=user_id, id=backup_id)
            if backup_id
            else self._database.fetch_one(_NEWEST, user_id=user_id)
        )
        return backup_of(row) if row else None

    async def all(self, user_id: UUID) -> list[Backup]:
        """Return the user's backups, newest first."""
        return [backup_of(row) for row in await self._database.fetch(_LIST, user_id=user_id)]

    async def delete(self, user_id: UUID, backup_id: UUID) -> None:
        """Delete an entry, if there is one."""

        async def action(connection: Connection) -> None:
            await _fetch_one(connection, _LOCK_USER, user_id=user_id)
            await _delete(connection, user_id, [backup_id])

        await self._database.transact(action)

    async def doom(self, limit: int) -> list[UUID]:
        """Return objects that no backup uses, nor will use from now on."""
        return [row["id"] for row in await self._database.fetch(_DOOM, limit=limit)]

    async def forget(self, object_ids: Sequence[UUID]) -> None:
        """Delete the rows of objects that were removed from the store."""
        await self._database.execute(_FORGET, ids=list(object_ids))

    async def _thin(self, connection: Connection, user_id: UUID, entries: Sequence[Backup]) -> None:
        """Delete the entries that retention gives up."""
        times = kept([each.created for each in entries], self._retention)
        if ids := [each.id for each in entries if each.created not in times]:
            await _delete(connection, user_id, ids)


async def _delete(connection: Connection, user_id: UUID, ids: Sequence[UUID]) -> None:
    arguments = _DELETE.arguments({"user_id": user_id, "ids": ids})
    await connection.execute(_DELETE.sql, *arguments)


async def _complete(connection: Connection, object_id: UUID, contents: Contents) -> None:
    """Let the object of an upload be used. Raises Unavailable if it is being removed."""
    values = {"object_id": object_id, "sha256": contents.sha256, "size": contents.size}
    if await _fetch_one(connection, _COMPLETE, **values) is None:
        raise upload_expired()


async def _replace(
    connection: Connection, user_id: UUID, old_ids: Collection[UUID], object_id: UUID
) -> None:
    """Let a user's entries with the old objects use another one."""
    values = {"user_id": user_id, "old_ids": list(old_ids), "object_id": object_id}
    for statement in (_REPLACE, _ABANDON) if old_ids else ():
        await connection.execute(statement.sql, *statement.arguments(values))


async def _add(
    connection: Connection, user_id: UUID, object_id: UUID, contents: Contents, *, is_imported: bool
) -> Backup:
    backup_id = uuid4()
    values = {"user_id": user_id, "id": backup_id, "object_id": object_id}
    arguments = _ADD.arguments({**values, "is_imported": is_imported})
    created = await connection.fetchval(_ADD.sql, *arguments)
    return Backup(backup_id, created, object_id, contents)


async def _fetch_one(
    connection: Connection, statement: Statement, **parameters: Any
) -> asyncpg.Record | None:
    return await connection.fetchrow(statement.sql, *statement.arguments(parameters))


def upload_expired() -> Unavailable:
    """Return the error for an upload whose object may have been removed."""
    return Unavailable(
        "The upload was interrupted for too long. Send the file again.",
        reason="UPLOAD_TOO_SLOW",
        retry_after=RETRY_SECONDS,
    )
