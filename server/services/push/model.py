"""Endpoints as they are registered, and pushes to them."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

MAX_ENDPOINTS = 10
CHALLENGE_BYTES = 32


@dataclass(frozen=True, slots=True)
class Subscription:
    """An endpoint with the keys of its device. All of it is secret."""

    endpoint: str = field(repr=False)
    p256dh: bytes = field(repr=False)
    auth: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A registered endpoint."""

    id: UUID
    endpoint: str = field(repr=False)
    created: datetime
    is_confirmed: bool


@dataclass(frozen=True, slots=True)
class DuePush:
    """A push that this worker has claimed. `challenge` is None if the endpoint is confirmed.

    `attempted` and `challenged` tell whether the claim still holds.
    """

    user_id: UUID
    endpoint_id: UUID
    subscription: Subscription
    challenge: bytes | None = field(repr=False)
    challenged: datetime
    attempted: datetime
    failures: int
