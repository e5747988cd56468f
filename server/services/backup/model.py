"""Backups as values."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg


@dataclass(frozen=True, slots=True)
class Contents:
    """The SHA-256 and the size of a file."""

    sha256: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Backup:
    """An entry, and the object that holds its contents."""

    id: UUID
    created: datetime
    object_id: UUID
    contents: Contents


@dataclass(frozen=True, slots=True)
class Added:
    """The backup that an upload led to: a new entry, or the newest one if that is the same."""

    backup: Backup
    is_new: bool
    is_imported: bool


def backup_of(row: asyncpg.Record) -> Backup:
    """Return the backup of a row with the columns of an entry and of its object."""
    return Backup(row["id"], row["created"], row["object_id"], Contents(row["sha256"], row["size"]))
