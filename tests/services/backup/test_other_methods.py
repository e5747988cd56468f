"""Reading and deleting backups, over each transport."""

from functools import partial
from uuid import uuid4

import asyncpg
import pytest
from grpc import StatusCode
from gymlocker.v2 import user_pb2

from tests.services.backup.contents import new_contents
from tests.services.backup.owners import Owner
from tests.services.backup.test_upload_backup import has_objects
from tests.support.client import Client, refused
from tests.support.stack import Stack
from tests.support.waiting import eventually_true


class TestDownloadBackup:
    async def test_returns_the_newest_by_default(self, owner: Owner) -> None:
        contents = [new_contents(size) for size in (2, 1000, 256 * 1024, 512 * 1024 + 1)]
        for data in contents:
            await owner.upload(data)
            assert await owner.download() == data
        backups = reversed(await owner.all())
        assert [await owner.download(backup.id) for backup in backups] == contents

    async def test_without_backups_is_not_found(self, owner: Owner) -> None:
        with refused(StatusCode.NOT_FOUND):
            await owner.download()

    async def test_of_others_is_not_found(self, owner: Owner, other: Owner) -> None:
        backup = await other.upload(new_contents())
        for backup_id in (backup.id, str(uuid4()), ""):
            with refused(StatusCode.NOT_FOUND):
                await owner.download(backup_id)

    @pytest.mark.parametrize("backup_id", ["x", "00000000-0000-0000-0000-00000000000g"])
    async def test_rejects_malformed_id(self, owner: Owner, backup_id: str) -> None:
        with refused(StatusCode.INVALID_ARGUMENT, "id"):
            await owner.download(backup_id)


class TestListBackups:
    async def test_returns_none_at_first(self, owner: Owner) -> None:
        assert await owner.all() == []

    async def test_returns_own_ones_newest_first(self, owner: Owner, other: Owner) -> None:
        backups = [await owner.upload(new_contents(size)) for size in (10, 20, 30)]
        await other.upload(new_contents())
        assert await owner.all() == backups[::-1]


class TestDeleteBackup:
    async def test_removes_entry_and_object(
        self, owner: Owner, stack: Stack, database: asyncpg.Connection
    ) -> None:
        first, second = await owner.upload(new_contents()), await owner.upload(new_contents())
        await owner.delete(second.id)
        assert await owner.all() == [first]
        with refused(StatusCode.NOT_FOUND):
            await owner.download(second.id)
        with refused(StatusCode.NOT_FOUND):
            await owner.delete(second.id)
        await eventually_true(partial(has_objects, 1, owner.user, stack, database))

    async def test_of_others_is_not_found(self, owner: Owner, other: Owner) -> None:
        backup = await other.upload(new_contents())
        with refused(StatusCode.NOT_FOUND):
            await owner.delete(backup.id)
        assert await other.all() == [backup]

    async def test_rejects_malformed_id(self, owner: Owner) -> None:
        with refused(StatusCode.INVALID_ARGUMENT, "id"):
            await owner.delete("x")


class TestDeletedUser:
    async def test_leaves_no_objects(
        self,
        owner: Owner,
        other: Owner,
        stack: Stack,
        one_client: Client,
        database: asyncpg.Connection,
    ) -> None:
        await owner.upload(new_contents())
        await eventually_true(partial(has_objects, 1, owner.user, stack, database))
        user = owner.user
        await one_client.users.DeleteUser(
            user_pb2.DeleteUserRequest(id=user.id, password=user.password)
        )
        # The next upload wakes the sweeper, which would otherwise come within half a minute.
        await other.upload(new_contents())
        await eventually_true(partial(has_objects, 0, owner.user, stack, database))
