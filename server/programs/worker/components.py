"""The components of a worker, built once and shared by interceptors, services and jobs."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from server.libraries.hints.hints import Hints
from server.libraries.limits.bucket_repository import BucketRepository
from server.libraries.limits.transfers import Transfers
from server.libraries.network.client_network import network_of
from server.libraries.rpc.large_responses import LargeResponses
from server.libraries.rpc.method import Feature
from server.libraries.settings import WorkerSettings
from server.libraries.telemetry.worker_metrics import WorkerMetrics
from server.programs.worker.authentication import Authentication, build_authentication
from server.programs.worker.backups import Backups, build_backups
from server.programs.worker.contract import served_methods
from server.programs.worker.databases import Databases
from server.programs.worker.features import offered_features
from server.programs.worker.hints import build_hints
from server.programs.worker.limits import Limits, build_limits
from server.programs.worker.push import Push, build_push
from server.programs.worker.watching import Watching, build_watching
from server.services.auth.signing_keys import SigningKeys
from server.services.user.last_accessed import LastAccessed
from server.services.user.repository import UserRepository
from server.services.workout.import_repository import ImportRepository
from server.services.workout.importer import Importer


@dataclass(frozen=True)
class Components:
    """The shared objects of one worker. `resources` closes them."""

    settings: WorkerSettings
    metrics: WorkerMetrics
    resources: AsyncExitStack
    databases: Databases
    features: frozenset[Feature]
    limits: Limits
    hints: Hints
    users: UserRepository
    last_accessed: LastAccessed
    authentication: Authentication
    large_responses: LargeResponses
    importer: Importer
    # None if they are off.
    backups: Backups | None
    watching: Watching
    push: Push | None


async def build_components(
    settings: WorkerSettings,
    keys: SigningKeys,
    databases: Databases,
    metrics: WorkerMetrics,
    resources: AsyncExitStack,
) -> Components:
    """Build the shared objects. The disk is checked once before the worker serves."""
    buckets = BucketRepository(databases.rate_limits)
    hints = build_hints(settings, databases.main, resources)
    metrics.observe_hints(hints)
    users = UserRepository(databases.main)
    last_accessed = LastAccessed(users)
    resources.push_async_callback(last_accessed.write)
    uploads = Transfers(
        "imports", reason="TOO_MANY_IMPORTS", per_network=settings.worker.imports_per_address
    )
    importer = Importer(ImportRepository(databases.main), uploads)
    backups = await build_backups(settings, databases.main, buckets, importer, resources)
    authentication = build_authentication(
        settings, keys, databases.main, buckets, metrics, last_accessed.touch, resources
    )
    return Components(
        settings=settings,
        metrics=metrics,
        resources=resources,
        databases=databases,
        features=offered_features(
            settings.features, served_methods().values(), has_backups=backups is not None
        ),
        limits=await build_limits(
            settings.limits, databases.main, buckets, resources, settings.backups.folder
        ),
        hints=hints,
        users=users,
        last_accessed=last_accessed,
        authentication=authentication,
        large_responses=LargeResponses(
            network_of, per_network=settings.worker.unread_mib_per_address * 1024 * 1024
        ),
        importer=importer,
        backups=backups,
        watching=build_watching(hints, databases.main, authentication),
        push=build_push(settings, databases.main, buckets, metrics, resources),
    )
