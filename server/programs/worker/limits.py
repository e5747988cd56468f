"""Rate limits, quotas and disk protection of a worker."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from server.libraries.common.periodic import repeat
from server.libraries.database.pool import Database
from server.libraries.limits.bucket_repository import BucketRepository
from server.libraries.limits.free_disk import REFRESH_SECONDS, DiskWatch
from server.libraries.limits.interceptor import LimitsInterceptor
from server.libraries.limits.network_hash import NetworkHasher
from server.libraries.limits.rate_limits import InboxMessages, NewUsers, WrongSecrets
from server.libraries.limits.storage_meter import FLUSH_SECONDS, StorageMeter
from server.libraries.rpc.method import Method
from server.libraries.rpc.server import Background
from server.libraries.settings import LimitSettings


@dataclass(frozen=True)
class Limits:
    """The limits that one worker enforces."""

    settings: LimitSettings
    networks: NetworkHasher
    new_users: NewUsers
    inbox_messages: InboxMessages
    wrong_secrets: WrongSecrets
    storage: StorageMeter
    disk: DiskWatch

    def interceptor(self, methods: Mapping[str, Method]) -> LimitsInterceptor:
        """Return the interceptor of calls that store something."""
        return LimitsInterceptor(methods, self.disk, self.storage)

    def background(self) -> list[Background]:
        """Return the periodic jobs."""
        flush, refresh = self.storage.flush, self.disk.refresh
        return [
            partial(repeat, flush, name="traffic", interval_seconds=FLUSH_SECONDS),
            partial(repeat, refresh, name="disk", interval_seconds=REFRESH_SECONDS),
        ]


async def build_limits(
    settings: LimitSettings,
    database: Database,
    buckets: BucketRepository,
    resources: AsyncExitStack,
    backup_folder: Path | None,
) -> Limits:
    """Build the limits and check the disk for the first time."""
    storage = StorageMeter(buckets, settings.storage_per_network)
    resources.push_async_callback(storage.flush)
    folders = [one for one in (settings.database_folder, backup_folder) if one is not None]
    disk = DiskWatch(folders, settings.min_free_disk)
    await disk.refresh()
    return Limits(
        settings,
        NetworkHasher(database),
        NewUsers(buckets, settings.new_users_per_address),
        InboxMessages(buckets, settings.inbox_per_network),
        WrongSecrets(buckets, settings.wrong_secrets_per_address),
        storage,
        disk,
    )
