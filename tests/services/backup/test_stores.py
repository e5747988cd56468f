"""The stores of objects: a folder, and a bucket of a real S3 server."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from server.errors import StartError, Unavailable
from server.libraries.settings import BackupSettings
from server.services.backup.object_store import ObjectMissing, ObjectStore
from server.services.backup.setup import store_of
from tests.services.backup.contents import MIB, new_contents
from tests.support.s3 import S3Server, running_s3

pytestmark = pytest.mark.extended


def s3_settings(server: S3Server, **changes: str) -> BackupSettings:
    given = {name.lower(): value for name, value in server.settings.items()}
    return BackupSettings.model_validate(given | changes)


@pytest.fixture(params=["folder", "s3"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ObjectStore]:
    if request.param == "folder":
        folder = store_of(BackupSettings(backup_store=f"file:{tmp_path / 'new' / 'store'}"))
        assert await folder.check()
        yield folder
        return
    with running_s3(tmp_path / "s3") as server:
        bucket = store_of(s3_settings(server))
        assert await bucket.check()
        yield bucket
        await bucket.close()


async def put(store: ObjectStore, data: bytes) -> UUID:
    object_id = uuid4()
    with store.spool(object_id) as spool:
        spool.write(data)
        await store.put(object_id, spool)
    return object_id


async def get(store: ObjectStore, object_id: UUID) -> bytes:
    def read() -> bytes:
        with store.open(object_id) as file:
            return b"".join(iter(lambda: file.read(8192), b""))

    return await asyncio.to_thread(read)


class TestStore:
    @pytest.mark.parametrize("size", [2, 100_000, 8 * MIB + 1])
    async def test_returns_what_was_put(self, store: ObjectStore, size: int) -> None:
        data = new_contents(size)
        assert await get(store, await put(store, data)) == data

    async def test_removes_objects_and_ignores_missing_ones(self, store: ObjectStore) -> None:
        first, second = [await put(store, new_contents()) for _ in range(2)]
        await store.remove([first, uuid4()])
        await store.remove([first])
        with pytest.raises(ObjectMissing):
            await get(store, first)
        assert await get(store, second)

    async def test_missing_object_is_missing(self, store: ObjectStore) -> None:
        with pytest.raises(ObjectMissing):
            await get(store, uuid4())

    async def test_spooled_file_is_gone_unless_it_was_put(self, store: ObjectStore) -> None:
        object_id = uuid4()
        with store.spool(object_id) as spool:
            spool.write(b"x" * MIB)
        with pytest.raises(ObjectMissing):
            await get(store, object_id)
        if store.folder:
            assert not [path for path in _all(store.folder) if path.is_file()]


class TestFolder:
    async def test_removes_spooled_file_of_killed_worker(self, tmp_path: Path) -> None:
        store = store_of(BackupSettings(backup_store=f"file:{tmp_path}"))
        await store.check()
        object_id = uuid4()
        left = tmp_path / "incoming" / str(object_id)
        left.touch()
        await store.remove([object_id])
        assert not _exists(left)

    async def test_unusable_folder_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        store = store_of(BackupSettings(backup_store=f"file:{tmp_path / 'file'}"))
        with pytest.raises(StartError, match=r"BACKUP_STORE: .*file.* is not a usable folder"):
            await store.check()


class TestBucket:
    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            ({"aws_secret_access_key": "wrong"}, "signature"),
            ({"backup_store": "s3://nowhere/prefix"}, "bucket does not exist"),
        ],
        ids=["key", "bucket"],
    )
    async def test_refusal_is_explained(
        self, tmp_path: Path, change: dict[str, str], problem: str
    ) -> None:
        with running_s3(tmp_path / "s3") as server:
            store = store_of(s3_settings(server, **change))
            with pytest.raises(StartError, match=problem):
                await store.check()
            await store.close()

    async def test_server_that_is_down_is_unavailable(self, tmp_path: Path) -> None:
        with running_s3(tmp_path / "s3") as server:
            store = store_of(s3_settings(server))
            server.kill()
            assert not await store.check()
            with pytest.raises(Unavailable) as error:
                await put(store, new_contents())
            assert error.value.reason == "BACKUP_STORE_UNAVAILABLE"
            server.start()
            assert await get(store, await put(store, new_contents(5))) is not None
            await store.close()


def _all(folder: Path) -> list[Path]:
    return list(folder.rglob("*"))


def _exists(path: Path) -> bool:
    return path.exists()
