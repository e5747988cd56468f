"""The response of GetEvents, built from the rows of its statement.

The rows are unpacked straight into messages. A frozen dataclass for each row in between would cost
a third more for rows with an event, and four times as much for users without news: see
docs/decisions/0012-fast.md.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
from gymlocker.v2 import event_pb2

from server.libraries.rpc.conversions import set_time
from server.services.event.statements import EVENT_BYTES


@dataclass(frozen=True, slots=True)
class FeedSubscription:
    """A request for the events of a user after `since`, if `secret` is one of theirs."""

    user_id: UUID
    secret: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Feed:
    """A response, and whether any secret of the request was right."""

    response: event_pb2.GetEventsResponse
    has_right_secret: bool


def feed_of(subscriptions: Sequence[FeedSubscription], rows: Iterable[asyncpg.Record]) -> Feed:
    """Build the response from rows of GET_EVENTS, each event once."""
    response = event_pb2.GetEventsResponse()
    valid: set[tuple[UUID, str]] = set()
    added: set[tuple[UUID, UUID]] = set()
    for user_id, secret, is_valid, event_id, timestamp, expiry, payload, iv in rows:
        if is_valid:
            valid.add((user_id, secret))
        # With two valid secrets of one user, each of their events comes twice.
        if event_id is not None and (user_id, event_id) not in added:
            added.add((user_id, event_id))
            # Made in place: an event that is made elsewhere is copied, payload and all.
            event = response.events.add(
                user_id=str(user_id),
                event_id=str(event_id),
                encrypted_event_payload=payload,
                encrypted_event_iv=iv,
            )
            set_time(event.timestamp, timestamp)
            set_time(event.expiry, expiry)
    invalid = (one.secret for one in subscriptions if (one.user_id, one.secret) not in valid)
    response.invalid_follow_secrets.extend(dict.fromkeys(invalid))
    return Feed(response, has_right_secret=bool(valid))


def bytes_of(rows: Iterable[asyncpg.Record]) -> int:
    """Return the size of the events in rows of GET_EVENTS."""
    return sum(len(row["encrypted_event"]) + EVENT_BYTES for row in rows if row["id"] is not None)
