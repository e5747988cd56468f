"""Backups of the app of all users, for the operator."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import asyncpg
from sqlalchemy import Select, bindparam, select

from server.errors import StartError, Unavailable
from server.libraries.common.atomic_file import whole_file
from server.libraries.common.text import uuid_in
from server.libraries.database.pool import Database
from server.libraries.database.schema import backup_objects, backups, users
from server.libraries.database.statement import Statement
from server.libraries.settings import BackupSettings, load
from server.programs.administration.user_repository import LIST_SECONDS, named_identities
from server.programs.administration.users import find
from server.programs.client.target_file import already_exists
from server.services.backup.model import Backup, Contents
from server.services.backup.repository import BackupRepository
from server.services.backup.setup import cipher_of, retention_of, store_of
from server.services.backup.transfer import MIB, Transporter

STDOUT = "-"


@dataclass(frozen=True, slots=True)
class ListedBackup:
    """A backup, and its owner: a user, or an identity in parentheses."""

    user_id: UUID
    owner: str
    lookup: str
    backup: Backup


def _listed() -> Select[*tuple[object, ...]]:
    named = named_identities()
    return (
        select(
            backups.c.user_id,
            users.c.username,
            users.c.user_lookup,
            named.c.names,
            backups.c.id,
            backups.c.created,
            backups.c.object_id,
            backup_objects.c.sha256,
            backup_objects.c.size,
        )
        .select_from(
            backups.join(backup_objects, backup_objects.c.id == backups.c.object_id)
            .join(users, users.c.id == backups.c.user_id)
            .outerjoin(named, named.c.user_id == backups.c.user_id)
        )
        .order_by(
            users.c.username_key.asc().nulls_last(),
            users.c.created,
            users.c.id,
            backups.c.created.desc(),
            backups.c.id,
        )
    )


_LIST = Statement(_listed(), seconds=LIST_SECONDS)
_LIST_OF_USER = Statement(_listed().where(backups.c.user_id == bindparam("user_id")))
_GET = Statement(_listed().where(backups.c.id == bindparam("id")))


async def list_backups(database: Database, user: str | None) -> list[ListedBackup]:
    """Return all backups, or those of one user, each user's newest first. Raises StartError."""
    if user is None:
        rows = await database.fetch(_LIST)
    else:
        rows = await database.fetch(_LIST_OF_USER, user_id=(await find(database, user)).id)
    return [_backup(row) for row in rows]


async def get_backup(database: Database, backup_id: str) -> ListedBackup:
    """Return the backup with this id. Raises StartError if there is none."""
    known = uuid_in(backup_id)
    row = await database.fetch_one(_GET, id=known) if known else None
    if row is None:
        raise StartError(
            f"There is no backup {backup_id!r}: `gymlocker backups list` shows the ids."
        )
    return _backup(row)


async def delete_backup(database: Database, listed: ListedBackup) -> None:
    """Delete a backup. Workers remove its file once no other backup uses it."""
    retention = retention_of(load(BackupSettings))
    await BackupRepository(database, retention).delete(listed.user_id, listed.backup.id)


def settings_in(folder: Path) -> BackupSettings:
    """Return the settings of backups; those that are missing are as for `gymlocker up`.

    Raises StartError if backups are not set up.
    """
    settings, given = load(BackupSettings), {}
    store, identity = folder.absolute() / "backups", folder.absolute() / "backup-age-identity"
    if not settings.backup_store and store.is_dir():
        given["backup_store"] = f"file:{store}"
    has_keys = settings.recipients or settings.identity_files or settings.backup_plaintext
    if not has_keys and identity.exists():
        given["backup_age_identity_file"] = str(identity)
    settings = load(BackupSettings, **given)
    if not settings.are_set:
        raise StartError(
            "The store of backups is not known: set BACKUP_STORE and BACKUP_AGE_IDENTITY_FILE as "
            "for the server, or pass the folder of `gymlocker up` with --data-dir."
        )
    return settings


async def write_backup(
    settings: BackupSettings,
    backup: Backup,
    path: Path | None,
    *,
    force: bool,
    written: Callable[[int, int], None],
) -> None:
    """Write a backup as it was received to a file, which is readable by its owner only.

    Without a path, write it to the standard output. `written` gets the number of bytes so far and
    their total. Raises StartError, and then leaves the file absent or unchanged.
    """
    store = store_of(settings)
    limit = settings.backup_max_mebibytes * MIB
    transporter = Transporter(store, cipher_of(settings), max_bytes=limit)
    try:
        if path is None:
            await _copy(transporter, backup, sys.stdout.buffer, written)
            return
        try:
            with whole_file(path, overwrite=force) as file:
                await _copy(transporter, backup, file, written)
        except FileExistsError:
            raise already_exists(path) from None
        except OSError as error:
            raise StartError(f"{path} cannot be written ({error.strerror}).") from error
    except Unavailable as error:
        raise StartError(
            f"The backup {backup.id} cannot be read: check BACKUP_STORE, and that "
            "BACKUP_AGE_IDENTITY_FILE names the key that was in use when it arrived."
        ) from error
    finally:
        transporter.close()
        await store.close()


async def _copy(
    transporter: Transporter, backup: Backup, file: BinaryIO, written: Callable[[int, int], None]
) -> None:
    size = 0
    async for chunk in transporter.chunks(backup):
        size += await asyncio.to_thread(file.write, chunk)
        written(size, backup.contents.size)
    file.flush()


def _backup(row: asyncpg.Record) -> ListedBackup:
    identities = ", ".join(f"({name})" for name in row["names"] or [])
    contents = Contents(row["sha256"], row["size"])
    return ListedBackup(
        row["user_id"],
        row["username"] or identities or row["user_lookup"],
        row["user_lookup"],
        Backup(row["id"], row["created"], row["object_id"], contents),
    )
