"""The composition root: the only place that builds objects and puts them together."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial

import grpc
from grpc_health.v1 import health, health_pb2_grpc
from gymlocker.v2 import (
    ai_pb2_grpc,
    auth_pb2_grpc,
    event_pb2_grpc,
    follow_pb2_grpc,
    inbox_pb2_grpc,
    share_pb2_grpc,
    system_pb2_grpc,
    user_pb2_grpc,
    workout_pb2_grpc,
)

from server.libraries.common.periodic import repeat
from server.libraries.database.pool import Database
from server.libraries.database.schema_version import require_current_schema
from server.libraries.database.write_check import Writability
from server.libraries.network.client_network import network_of
from server.libraries.network.tls import Identity
from server.libraries.rpc.admission import AdmissionInterceptor, Shares
from server.libraries.rpc.authentication import (
    AccessTokenInterceptor,
    PasswordInterceptor,
    PurchaseTokenInterceptor,
)
from server.libraries.rpc.caller import calling_network
from server.libraries.rpc.errors import ErrorInterceptor
from server.libraries.rpc.feature_switches import FeatureInterceptor
from server.libraries.rpc.interceptor import Interceptor
from server.libraries.rpc.large_responses import LargeReplies
from server.libraries.rpc.logging import LoggingInterceptor
from server.libraries.rpc.method import Feature
from server.libraries.rpc.request_reading import ReceivingInterceptor
from server.libraries.rpc.server import Background, add_reflection, bind, make_server, run
from server.libraries.rpc.unread_responses import ReplyInterceptor
from server.libraries.rpc.validation import ValidationInterceptor
from server.libraries.settings import Settings, WorkerSettings
from server.libraries.telemetry.event_loop import measure_lag
from server.libraries.telemetry.exporter import serve_metrics
from server.libraries.telemetry.process import new_registry
from server.libraries.telemetry.worker_metrics import WorkerMetrics
from server.programs.worker.authentication import assemble as assemble_auth
from server.programs.worker.contract import contract_services, served_methods
from server.programs.worker.features import offered_features
from server.programs.worker.instrumented import counted_sweep
from server.programs.worker.limits import Bounds
from server.programs.worker.limits import assemble as assemble_bounds
from server.programs.worker.observers import observers
from server.programs.worker.planner import planner_authenticator, planner_service
from server.services.ai.authenticator import PlannerAuthenticator
from server.services.auth.authenticator import AccessTokenAuthenticator, PasswordAuthenticator
from server.services.auth.service import AuthService
from server.services.auth.signing_keys import Keys, load_keys
from server.services.event.repository import EventRepository
from server.services.event.service import EventService
from server.services.follow.repository import FollowRepository
from server.services.follow.service import FollowService
from server.services.inbox.repository import InboxRepository
from server.services.inbox.service import InboxService
from server.services.inbox.writer import InboxWriter
from server.services.share.repository import ShareRepository
from server.services.share.service import ShareService
from server.services.system.cleanup import sweep
from server.services.system.repository import SystemRepository
from server.services.system.service import SystemService
from server.services.system.sweeps import RATE_LIMIT_SWEEPS
from server.services.user.last_accessed import INTERVAL_SECONDS, LastAccessed
from server.services.user.repository import UserRepository
from server.services.user.service import UserService
from server.services.workout.import_repository import ImportRepository
from server.services.workout.importer import Importer
from server.services.workout.repository import WorkoutRepository
from server.services.workout.service import WorkoutService
from server.services.workout.statistics_repository import StatsRepository
from server.services.workout.upload import Uploads


async def serve(
    settings: WorkerSettings,
    *,
    listen: str,
    reflection: bool,
    metrics_at: str | None = None,
    identity: Identity | None = None,
) -> None:
    """Runs one worker on `listen` (host:port or unix:path) until it is told to stop.

    With an `identity`, it is spoken to by mutual TLS alone. Prometheus reads its metrics at
    `metrics_at` (host:port). Raises StartError if it cannot run.
    """
    keys = load_keys(settings.tokens)
    registry = new_registry()
    metrics = WorkerMetrics(registry)
    async with AsyncExitStack() as stack:
        database, limits = await _databases(settings.worker, metrics, stack, timed=bool(metrics_at))
        await require_current_schema(database)
        await require_current_schema(limits, "rate_limits")
        outermost = await observers(settings.worker, metrics if metrics_at else None, stack)
        bounds = await assemble_bounds(settings.bounds, database, limits, stack)
        server, health_servicer, background = _build(
            settings, keys, database, limits, bounds, metrics, outermost, stack
        )
        if metrics_at:
            stack.enter_context(serve_metrics(registry, metrics_at))
            background.append(partial(measure_lag, metrics.event_loop_lag_seconds.observe))
        if reflection:
            add_reflection(server, contract_services())
        bind(server, listen, identity)
        await run(server, health_servicer, background, drain_seconds=settings.worker.drain_seconds)


async def _databases(
    settings: Settings, metrics: WorkerMetrics, stack: AsyncExitStack, *, timed: bool
) -> tuple[Database, Database]:
    """The database, and that of the rate limits, which may be the same."""
    waits = metrics.database_wait_seconds
    urls = {"main": settings.database_url}
    if settings.rate_limit_database_url not in (None, settings.database_url):
        urls["rate_limits"] = settings.rate_limit_database_url
    databases = {
        name: await stack.enter_async_context(
            Database(
                url,
                pool_size=settings.database_pool_size,
                caller=calling_network,
                waited=waits.labels(name).observe if timed else lambda _: None,
            )
        )
        for name, url in urls.items()
    }
    metrics.watch_databases(databases)
    return databases["main"], databases.get("rate_limits", databases["main"])


def _build(
    settings: WorkerSettings,
    keys: Keys,
    database: Database,
    limits: Database,
    bounds: Bounds,
    metrics: WorkerMetrics,
    outermost: Sequence[Interceptor],
    stack: AsyncExitStack,
) -> tuple[grpc.aio.Server, health.aio.HealthServicer, list[Background]]:
    users = UserRepository(database)
    last_accessed = LastAccessed(users)
    stack.push_async_callback(last_accessed.write)
    who = assemble_auth(settings, keys, database, limits, metrics, last_accessed.touch, stack)
    features = offered_features(settings.features, served_methods().values())
    large_replies = LargeReplies(
        network_of, per_network=settings.worker.unread_mib_per_address * 1024 * 1024
    )
    server = _server(
        outermost,
        _admission(settings.worker),
        features,
        metrics,
        bounds,
        who.token_authenticator,
        planner_authenticator(settings.purchases, who.api_keys, who.guesses, metrics, stack),
        who.authenticator,
        large_replies,
    )
    user_service = UserService(
        users, who.hasher, who.authenticator, bounds.new_users, large_replies
    )
    _add_feed(server, database, user_service, bounds, large_replies)
    auth_service = AuthService(
        users,
        who.passwords,
        who.sessions,
        who.hasher,
        who.authenticator,
        who.tokens,
        who.guesses,
        bounds.new_users,
    )
    auth_pb2_grpc.add_AuthServiceServicer_to_server(auth_service, server)
    _add_workouts(server, database, Uploads(per_network=settings.worker.imports_per_address))
    ai_pb2_grpc.add_AiServiceServicer_to_server(
        planner_service(settings.planner, limits, metrics, stack), server
    )
    system_pb2_grpc.add_SystemServiceServicer_to_server(
        SystemService(_writabilities(database, limits), features, bounds.disk.check), server
    )
    health_servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    swept = {
        "main": SystemRepository(database),
        "rate_limits": SystemRepository(limits, RATE_LIMIT_SWEEPS),
    }
    background = _background(settings.worker, swept, last_accessed, metrics)
    return server, health_servicer, [*background, *bounds.background()]


def _admission(settings: Settings) -> AdmissionInterceptor:
    return AdmissionInterceptor(
        served_methods(),
        calls=Shares(settings.calls_per_address),
        streams=Shares(settings.streams_per_address),
    )


def _writabilities(database: Database, limits: Database) -> dict[str, Writability]:
    databases = {"main": database} | ({} if limits is database else {"rate_limits": limits})
    return {name: Writability(one) for name, one in databases.items()}


def _add_feed(
    server: grpc.aio.Server,
    database: Database,
    users: UserService,
    bounds: Bounds,
    large_replies: LargeReplies,
) -> None:
    user_pb2_grpc.add_UserServiceServicer_to_server(users, server)
    event_pb2_grpc.add_EventServiceServicer_to_server(
        EventService(EventRepository(database), bounds.wrong_secrets, large_replies), server
    )
    follow_pb2_grpc.add_FollowServiceServicer_to_server(
        FollowService(FollowRepository(database)), server
    )
    writer = InboxWriter(database, maximum=bounds.settings.inbox_max_messages)
    inbox = InboxService(InboxRepository(database), writer, bounds.networks, bounds.inbox_messages)
    inbox_pb2_grpc.add_InboxServiceServicer_to_server(inbox, server)
    share_pb2_grpc.add_ShareServiceServicer_to_server(
        ShareService(ShareRepository(database)), server
    )


def _add_workouts(server: grpc.aio.Server, database: Database, uploads: Uploads) -> None:
    workouts, stats = WorkoutRepository(database), StatsRepository(database)
    importer = Importer(ImportRepository(database), uploads)
    workout_pb2_grpc.add_WorkoutServiceServicer_to_server(
        WorkoutService(workouts, stats, importer), server
    )


def _background(
    settings: Settings,
    swept: Mapping[str, SystemRepository],
    last_accessed: LastAccessed,
    metrics: WorkerMetrics,
) -> list[Background]:
    """What goes on beside the calls, to be started when the server serves."""
    minutes = settings.cleanup_interval_minutes
    sweeping = partial(repeat, name="sweep", interval_seconds=minutes * 60)
    sweeps = [
        partial(sweeping, counted_sweep(partial(sweep, system), name, metrics))
        for name, system in swept.items()
    ]
    seen = partial(
        repeat, last_accessed.write, name="last_accessed", interval_seconds=INTERVAL_SECONDS
    )
    return [*sweeps, seen]


def _server(
    outermost: Sequence[Interceptor],
    admission: AdmissionInterceptor,
    features: Collection[Feature],
    metrics: WorkerMetrics,
    bounds: Bounds,
    tokens: AccessTokenAuthenticator,
    purchases: PlannerAuthenticator,
    passwords: PasswordAuthenticator,
    large_replies: LargeReplies,
) -> grpc.aio.Server:
    methods = served_methods()
    return make_server(
        # From the outside in.
        LoggingInterceptor(methods),
        *outermost,
        ErrorInterceptor(methods, metrics.refused),
        admission,
        FeatureInterceptor(methods, features),
        ReceivingInterceptor(methods),
        AccessTokenInterceptor(methods, tokens),
        PurchaseTokenInterceptor(methods, purchases),
        ValidationInterceptor(methods),
        PasswordInterceptor(methods, passwords),
        bounds.interceptor(methods),
        ReplyInterceptor(methods, large_replies),
    )
