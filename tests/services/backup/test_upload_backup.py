"""Uploads of backups, over each transport."""

import asyncio
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from grpc import StatusCode

from server.programs.demo.transport import CallError
from tests.services.backup.contents import GZIP, MIB, new_contents, sha256
from tests.services.backup.owners import Owner
from tests.support.client import User, refused
from tests.support.rest import UUID_PATTERN
from tests.support.stack import Stack
from tests.support.waiting import eventually_true


def read(path: Path) -> tuple[bytes, int]:
    """Return the content and the mode of a file."""
    return path.read_bytes(), path.stat().st_mode & 0o777


async def objects_of(user: User, database: asyncpg.Connection) -> list[asyncpg.Record]:
    query = "SELECT id, unused FROM backup_objects WHERE user_id = $1"
    return await database.fetch(query, UUID(user.id))


def file_of(object_id: UUID, stack: Stack) -> Path:
    return stack.data_dir / "backups" / "objects" / f"{object_id}.age"


async def object_of(backup_id: str, database: asyncpg.Connection) -> UUID:
    query = "SELECT object_id FROM backups WHERE id = $1"
    object_id: UUID = await database.fetchval(query, UUID(backup_id))
    return object_id


async def has_objects(count: int, user: User, stack: Stack, database: asyncpg.Connection) -> bool:
    """Check whether the store holds exactly the objects of a user's backups, and so many."""
    rows = await objects_of(user, database)
    folder = stack.data_dir / "backups"
    files = [file_of(row["id"], stack) for row in rows]
    return (
        len(rows) == count
        and all(row["unused"] is None for row in rows)
        and all(file.exists() for file in files)
        and not any((folder / "incoming" / str(row["id"])).exists() for row in rows)
    )


class TestUploadBackup:
    async def test_stores_every_byte(self, owner: Owner) -> None:
        data = new_contents(3 * MIB + 17)
        before = datetime.now(UTC)
        backup = await owner.upload(data)
        assert UUID_PATTERN.fullmatch(backup.id)
        assert (backup.size, backup.sha256) == (len(data), sha256(data))
        assert before <= backup.create_time.ToDatetime(UTC) <= datetime.now(UTC)
        assert await owner.download(backup.id) == data
        assert await owner.all() == [backup]

    async def test_accepts_the_shortest_file(self, owner: Owner) -> None:
        assert (await owner.upload(GZIP)).size == 2
        assert await owner.download() == GZIP

    async def test_encrypts_what_is_stored(
        self, owner: Owner, stack: Stack, database: asyncpg.Connection
    ) -> None:
        data = GZIP + b"canary in the backup" * 1000
        backup = await owner.upload(data)
        stored, mode = read(file_of(await object_of(backup.id, database), stack))
        assert stored.startswith(b"age-encryption.org/v1\n")
        assert b"canary" not in stored
        assert mode == 0o600

    async def test_repeated_newest_adds_nothing(
        self, owner: Owner, stack: Stack, database: asyncpg.Connection
    ) -> None:
        data = new_contents()
        first = await owner.upload(data)
        old = await object_of(first.id, database)
        assert await owner.upload(data) == first
        assert await owner.all() == [first]
        await eventually_true(partial(has_objects, 1, owner.user, stack, database))
        assert await object_of(first.id, database) != old
        assert not file_of(old, stack).exists()

    async def test_repeated_newest_replaces_lost_object(
        self, owner: Owner, stack: Stack, database: asyncpg.Connection
    ) -> None:
        data = new_contents()
        first = await owner.upload(data)
        lost = file_of(await object_of(first.id, database), stack)
        lost.unlink()
        assert await owner.upload(data) == first
        assert await owner.download() == data
        await eventually_true(partial(has_objects, 1, owner.user, stack, database))

    async def test_repeated_older_one_replaces_unreadable_object(
        self, owner: Owner, stack: Stack, database: asyncpg.Connection
    ) -> None:
        old, new = new_contents(), new_contents()
        first = await owner.upload(old)
        unreadable = file_of(await object_of(first.id, database), stack)
        unreadable.write_bytes(b"as if it was encrypted for another key")
        second, third = await owner.upload(new), await owner.upload(old)
        assert await owner.all() == [third, second, first]
        assert await owner.download(first.id) == await owner.download(third.id) == old
        assert await owner.download(second.id) == new
        await eventually_true(partial(has_objects, 2, owner.user, stack, database))
        assert not unreadable.exists()

    async def test_repeated_older_one_shares_its_object(
        self, owner: Owner, stack: Stack, database: asyncpg.Connection
    ) -> None:
        old, new = new_contents(), new_contents()
        first, second, third = [await owner.upload(data) for data in (old, new, old)]
        assert (third.id != first.id) and third.sha256 == first.sha256
        assert await owner.all() == [third, second, first]
        await eventually_true(partial(has_objects, 2, owner.user, stack, database))
        await owner.delete(first.id)
        assert await owner.download(third.id) == old

    async def test_same_bytes_of_others_are_stored_apart(
        self, owner: Owner, other: Owner, stack: Stack, database: asyncpg.Connection
    ) -> None:
        data = new_contents()
        mine, theirs = await owner.upload(data), await other.upload(data)
        assert mine.id != theirs.id
        await owner.delete(mine.id)
        await eventually_true(partial(has_objects, 0, owner.user, stack, database))
        assert await other.download(theirs.id) == data

    async def test_thins_older_ones(
        self, owner: Owner, stack: Stack, database: asyncpg.Connection
    ) -> None:
        ids = [(await owner.upload(new_contents())).id for _ in range(13)]
        # All of one day: the last 10 are kept, and the newest of the day is one of them.
        assert [backup.id for backup in await owner.all()] == ids[:2:-1]
        await eventually_true(partial(has_objects, 10, owner.user, stack, database))

    async def test_concurrent_uploads_are_all_stored(self, owner: Owner) -> None:
        contents = [new_contents(MIB) for _ in range(3)]
        backups = await asyncio.gather(*map(owner.upload, contents))
        assert {backup.id for backup in await owner.all()} == {backup.id for backup in backups}
        for data, backup in zip(contents, backups, strict=True):
            assert await owner.download(backup.id) == data

    @pytest.mark.parametrize(
        ("data", "problem"),
        [
            (b"", "is empty"),
            (b"\x1f", "is not compressed by gzip"),
            (b"\x1f\x8a rest", "is not compressed by gzip"),
            (b"PK\x03\x04" + bytes(2 * MIB), "is not compressed by gzip"),
        ],
        ids=["empty", "one byte", "almost", "zip"],
    )
    async def test_rejects_what_is_no_backup(self, owner: Owner, data: bytes, problem: str) -> None:
        with refused(StatusCode.INVALID_ARGUMENT, "file"):
            await owner.upload(data)
        with pytest.raises(CallError, match=problem):
            await owner.upload(data)
        assert await owner.all() == []

    async def test_accepts_file_of_maximum_size(self, owner: Owner) -> None:
        assert (await owner.upload(GZIP + bytes(64 * MIB - 2))).size == 64 * MIB
