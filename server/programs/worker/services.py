"""The services of a worker: each servicer with its repositories."""

import grpc
from grpc_health.v1 import health, health_pb2_grpc
from gymlocker.v2 import (
    ai_pb2_grpc,
    auth_pb2_grpc,
    backup_pb2_grpc,
    event_pb2_grpc,
    exercise_pb2_grpc,
    follow_pb2_grpc,
    inbox_pb2_grpc,
    push_pb2_grpc,
    share_pb2_grpc,
    system_pb2_grpc,
    user_pb2_grpc,
    workout_pb2_grpc,
)

from server.libraries.database.write_check import WriteCheck
from server.libraries.limits.transfers import Transfers
from server.programs.worker.backups import Backups
from server.programs.worker.components import Components
from server.programs.worker.planner import planner_service
from server.programs.worker.push import Push
from server.services.auth.export import AccountExport
from server.services.auth.service import AuthService
from server.services.auth.user_sessions import UserSessions
from server.services.backup.service import BackupService
from server.services.event.service import EventService
from server.services.exercise.repository import ExerciseRepository
from server.services.exercise.service import ExerciseService
from server.services.follow.repository import FollowRepository
from server.services.follow.service import FollowService
from server.services.inbox.repository import InboxRepository
from server.services.inbox.service import InboxService
from server.services.push.service import DisabledPushService, PushService
from server.services.share.repository import ShareRepository
from server.services.share.service import ShareService
from server.services.system.service import SystemService
from server.services.user.service import UserService
from server.services.workout.changes_repository import ChangesRepository
from server.services.workout.repository import WorkoutRepository
from server.services.workout.service import WorkoutService
from server.services.workout.statistics_repository import StatsRepository


def add_services(server: grpc.aio.Server, components: Components) -> health.aio.HealthServicer:
    """Register all services; return the one whose health is set when the worker serves."""
    _add_feed(server, components)
    auth_pb2_grpc.add_AuthServiceServicer_to_server(_auth_service(components), server)
    workouts = _workout_service(components)
    workout_pb2_grpc.add_WorkoutServiceServicer_to_server(workouts, server)
    exercise_pb2_grpc.add_ExerciseServiceServicer_to_server(
        ExerciseService(ExerciseRepository(components.databases.main)), server
    )
    ai_pb2_grpc.add_AiServiceServicer_to_server(planner_service(components), server)
    # Without backups, an interceptor rejects the calls.
    if components.backups:
        backups = _backup_service(components.backups, components)
        backup_pb2_grpc.add_BackupServiceServicer_to_server(backups, server)
    push_pb2_grpc.add_PushServiceServicer_to_server(_push_service(components.push), server)
    system_pb2_grpc.add_SystemServiceServicer_to_server(_system_service(components), server)
    health_servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    return health_servicer


def _add_feed(server: grpc.aio.Server, components: Components) -> None:
    database, limits = components.databases.main, components.limits
    authentication, large_responses = components.authentication, components.large_responses
    watching, hints = components.watching, components.hints
    users = UserService(
        components.users,
        authentication.hasher,
        authentication.passwords,
        limits.new_users,
        authentication.registration,
        large_responses,
        hints,
    )
    events = EventService(
        watching.events,
        limits.wrong_secrets,
        large_responses,
        hints,
        watching.feeds,
        watching.streams,
    )
    inbox = InboxService(
        InboxRepository(database, max_messages=limits.settings.inbox_max_messages),
        limits.networks,
        limits.inbox_messages,
        hints,
        watching.inboxes,
        watching.standings,
        watching.streams,
        components.push.dispatcher.wake if components.push else lambda _: None,
    )
    follow, share = (
        FollowService(FollowRepository(database), hints),
        ShareService(ShareRepository(database)),
    )
    user_pb2_grpc.add_UserServiceServicer_to_server(users, server)
    event_pb2_grpc.add_EventServiceServicer_to_server(events, server)
    follow_pb2_grpc.add_FollowServiceServicer_to_server(follow, server)
    inbox_pb2_grpc.add_InboxServiceServicer_to_server(inbox, server)
    share_pb2_grpc.add_ShareServiceServicer_to_server(share, server)


def _auth_service(components: Components) -> AuthService:
    authentication, database = components.authentication, components.databases.main
    return AuthService(
        components.users,
        authentication.password_repository,
        authentication.sessions,
        authentication.hasher,
        authentication.passwords,
        authentication.tokens,
        authentication.throttle,
        components.limits.new_users,
        authentication.registration,
        authentication.access_keys,
        UserSessions(database),
        AccountExport(database, WorkoutRepository(database)),
        components.hints,
    )


def _workout_service(components: Components) -> WorkoutService:
    database = components.databases.main
    return WorkoutService(
        WorkoutRepository(database),
        ChangesRepository(database),
        StatsRepository(database),
        components.importer,
        components.large_responses,
    )


def _push_service(push: Push | None) -> PushService | DisabledPushService:
    if push is None:
        return DisabledPushService()
    return PushService(
        push.endpoints,
        push.addresses,
        push.registrations,
        push.vapid_public_key,
        push.dispatcher.due.set,
        allow_private=push.allow_private,
    )


def _backup_service(backups: Backups, components: Components) -> BackupService:
    per_network = components.settings.worker.imports_per_address
    return BackupService(
        backups.repository,
        backups.uploader,
        backups.transporter,
        backups.rate,
        Transfers("backups", reason="TOO_MANY_UPLOADS", per_network=per_network),
        Transfers("downloads", reason="TOO_MANY_DOWNLOADS", per_network=per_network),
        backups.diary,
    )


def _system_service(components: Components) -> SystemService:
    databases = components.databases.by_name()
    write_checks = {name: WriteCheck(database) for name, database in databases.items()}
    return SystemService(write_checks, components.features, components.limits.disk.check)
