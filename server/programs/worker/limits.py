"""The bounds of a worker, put together for `main`."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

from server.libraries.common.periodic import repeat
from server.libraries.database.pool import Database
from server.libraries.limits.bucket_repository import BucketRepository
from server.libraries.limits.free_disk import LOOK_SECONDS, DiskWatch
from server.libraries.limits.interceptor import BoundsInterceptor
from server.libraries.limits.network_hash import NetworkHasher
from server.libraries.limits.rate_limits import InboxMessages, NewUsers, WrongSecrets
from server.libraries.limits.storage_meter import FLUSH_SECONDS, StorageMeter
from server.libraries.rpc.method import Method
from server.libraries.rpc.server import Background
from server.libraries.settings import BoundSettings


@dataclass(frozen=True)
class Bounds:
    """The bounds of one worker."""

    settings: BoundSettings
    networks: NetworkHasher
    new_users: NewUsers
    inbox_messages: InboxMessages
    wrong_secrets: WrongSecrets
    storage: StorageMeter
    disk: DiskWatch

    def interceptor(self, methods: Mapping[str, Method]) -> BoundsInterceptor:
        """Return what surrounds every call that stores something."""
        return BoundsInterceptor(methods, self.disk, self.storage)

    def background(self) -> list[Background]:
        """Return what goes on beside the calls."""
        flush, look = self.storage.flush, self.disk.look
        return [
            partial(repeat, flush, name="traffic", interval_seconds=FLUSH_SECONDS),
            partial(repeat, look, name="disk", interval_seconds=LOOK_SECONDS),
        ]


async def assemble(
    settings: BoundSettings, database: Database, limits: Database, stack: AsyncExitStack
) -> Bounds:
    """Build the bounds; `limits` is the database of the rate limits."""
    buckets = BucketRepository(limits)
    storage = StorageMeter(buckets, settings.storage_per_network)
    stack.push_async_callback(storage.flush)
    disk = DiskWatch(settings.database_folder, settings.min_free_disk)
    # Before the first call.
    await disk.look()
    return Bounds(
        settings,
        NetworkHasher(database),
        NewUsers(buckets, settings.new_users_per_address),
        InboxMessages(buckets, settings.inbox_per_network),
        WrongSecrets(buckets, settings.wrong_secrets_per_address),
        storage,
        disk,
    )
