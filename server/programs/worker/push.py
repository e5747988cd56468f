"""The pushes of a worker."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

from server.libraries.common.periodic import repeat
from server.libraries.database.pool import Database
from server.libraries.limits.bucket_repository import BucketRepository
from server.libraries.limits.rate_limits import PushesPerHost, PushRegistrations
from server.libraries.rpc.server import Background
from server.libraries.settings import WorkerSettings
from server.libraries.telemetry.worker_metrics import WorkerMetrics
from server.services.push.addresses import Addresses, SystemResolver
from server.services.push.dispatcher import INTERVAL_SECONDS, PushDispatcher
from server.services.push.due_pushes import DuePushRepository
from server.services.push.pusher import Pusher
from server.services.push.repository import EndpointRepository
from server.services.push.vapid import Vapid, load_key


@dataclass(frozen=True)
class Push:
    """The objects that register endpoints and send pushes."""

    endpoints: EndpointRepository
    addresses: Addresses
    registrations: PushRegistrations
    vapid_public_key: str
    allow_private: bool
    dispatcher: PushDispatcher

    def background(self) -> list[Background]:
        """Return the periodic job."""
        dispatcher = self.dispatcher
        job = partial(repeat, dispatcher.run, name="push", wake=dispatcher.due)
        return [partial(job, interval_seconds=INTERVAL_SECONDS)]


def build_push(
    settings: WorkerSettings,
    database: Database,
    buckets: BucketRepository,
    metrics: WorkerMetrics,
    resources: AsyncExitStack,
) -> Push | None:
    """Build the objects; None if push is off. Raises StartError if the key is unusable."""
    push = settings.push
    if not settings.features.feed_enabled or push.vapid_private_key_file is None:
        return None
    vapid = Vapid(load_key(push.vapid_private_key_file), push.vapid_subject)
    allow_private = push.push_allow_private
    addresses = Addresses(SystemResolver(), allow_private=allow_private)
    per_host = PushesPerHost(buckets, push.push_per_host)
    dispatcher = PushDispatcher(
        DuePushRepository(database),
        Pusher(addresses, vapid, per_host, allow_private=allow_private),
        lambda result: metrics.pushes.labels(result).inc(),
    )
    resources.push_async_callback(dispatcher.close)
    return Push(
        EndpointRepository(database),
        addresses,
        PushRegistrations(buckets, push.push_registrations_per_user),
        vapid.public_key,
        allow_private,
        dispatcher,
    )
