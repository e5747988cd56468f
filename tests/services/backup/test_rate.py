"""The rate of a user's backups."""

from uuid import uuid4

import pytest

from server.errors import ResourceExhausted
from server.libraries.database.pool import Database
from server.libraries.limits.bucket_repository import BucketRepository
from server.libraries.limits.rate import Rate
from server.libraries.limits.rate_limits import BackupUploads

DEFAULT = Rate(20, 180)


class TestBackupUploads:
    async def test_rejects_more_than_twenty_at_once(self, pool: Database) -> None:
        rate, user_id = BackupUploads(BucketRepository(pool), DEFAULT), uuid4()
        for _ in range(20):
            await rate.check(user_id)
            await rate.count(user_id)
        with pytest.raises(ResourceExhausted) as error:
            await rate.check(user_id)
        assert error.value.reason == "TOO_MANY_BACKUPS"
        assert 0 < error.value.retry_after <= 180
        await rate.check(uuid4())

    async def test_checks_count_nothing(self, pool: Database) -> None:
        rate, user_id = BackupUploads(BucketRepository(pool), DEFAULT), uuid4()
        for _ in range(30):
            await rate.check(user_id)

    async def test_zero_is_off(self, pool: Database) -> None:
        rate, user_id = BackupUploads(BucketRepository(pool), Rate(0, 0)), uuid4()
        for _ in range(30):
            await rate.count(user_id)
            await rate.check(user_id)
