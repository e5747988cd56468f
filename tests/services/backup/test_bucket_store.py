"""Buckets that refuse to remove a missing object, as those of Google Cloud and Azure do."""

from pathlib import Path
from uuid import uuid4

import obstore
import pytest
from obstore.store import LocalStore

from server.libraries.settings import BackupSettings
from server.services.backup import bucket_store
from server.services.backup.bucket_store import CHECK_NAME, BucketStore
from server.services.backup.object_store import file_name


@pytest.fixture
def bucket(tmp_path: Path) -> LocalStore:
    """Return a store that raises FileNotFoundError for a missing object."""
    return LocalStore(tmp_path)


@pytest.fixture
def store(bucket: LocalStore, monkeypatch: pytest.MonkeyPatch) -> BucketStore:
    """Return a store on the bucket."""
    monkeypatch.setattr(bucket_store, "from_url", lambda _url, **_options: bucket)
    return BucketStore(BackupSettings(backup_store="gs://bucket/prefix"))


def names_in(bucket: LocalStore) -> list[str]:
    return [each["path"] for batch in obstore.list(bucket) for each in batch]


class TestRemove:
    async def test_removes_objects_around_missing_ones(
        self, store: BucketStore, bucket: LocalStore
    ) -> None:
        first, second, kept = uuid4(), uuid4(), uuid4()
        for each in (first, second, kept):
            await obstore.put_async(bucket, file_name(each), b"contents")
        await store.remove([uuid4(), first, uuid4(), second])
        assert names_in(bucket) == [file_name(kept)]
        await store.remove([first])


class TestCheck:
    async def test_object_that_another_worker_has_removed_is_no_error(
        self, store: BucketStore, bucket: LocalStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def send(_store: BucketStore, name: str, _file: object) -> None:
            await obstore.put_async(bucket, name, b"check")
            await obstore.delete_async(bucket, CHECK_NAME)

        monkeypatch.setattr(BucketStore, "_send", send)
        assert await store.check()
