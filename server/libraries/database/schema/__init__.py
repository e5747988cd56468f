"""The whole schema: feed, training log, backups, push, and what operates them."""

from server.libraries.database.schema.backup import backup_objects, backups
from server.libraries.database.schema.base import Timestamp, metadata, owner
from server.libraries.database.schema.feed import (
    shared_items,
    user_event_clocks,
    user_event_deletions,
    user_events,
    user_follow_secrets,
    user_inbox_items,
    users,
)
from server.libraries.database.schema.operation import (
    access_keys,
    identities,
    incarnations,
    invitations,
    milestones,
    network_keys,
    password_failures,
    rate_limit_consumptions,
    refresh_tokens,
    request_keys,
    sessions,
)
from server.libraries.database.schema.push import push_endpoints
from server.libraries.database.schema.training import (
    exercise_sessions,
    exercises,
    workout_clocks,
    workout_days,
    workout_deletions,
    workout_exercises,
    workout_sets,
    workouts,
)

__all__ = [
    "Timestamp",
    "access_keys",
    "backup_objects",
    "backups",
    "exercise_sessions",
    "exercises",
    "identities",
    "incarnations",
    "invitations",
    "metadata",
    "milestones",
    "network_keys",
    "owner",
    "password_failures",
    "push_endpoints",
    "rate_limit_consumptions",
    "refresh_tokens",
    "request_keys",
    "sessions",
    "shared_items",
    "user_event_clocks",
    "user_event_deletions",
    "user_events",
    "user_follow_secrets",
    "user_inbox_items",
    "users",
    "workout_clocks",
    "workout_days",
    "workout_deletions",
    "workout_exercises",
    "workout_sets",
    "workouts",
]
