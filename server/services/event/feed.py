"""The response of GetEvents, built from the rows of its statements.

The rows are unpacked straight into messages. A frozen dataclass for each row in between would cost
a third more for rows with an event, and four times as much for users without news: see
docs/decisions/0012-fast.md.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
from gymlocker.v2 import event_pb2

from server.libraries.database.incarnation import Incarnation
from server.libraries.rpc.conversions import set_time
from server.services.event.cursor import BEGINNING, START, Position, encode
from server.services.event.read_statements import DELETION_BYTES, EVENT_BYTES

_STEP = timedelta(microseconds=1)


class FeedSubscription(NamedTuple):
    """A request for the events of a user after `position`, if `secret` is one of theirs.

    `has_cursor` is true if the position is that of a cursor; then deletions are told as well. With
    `is_reset`, the cursor was of another database, and the position is the beginning.
    """

    user_id: UUID
    secret: str
    position: Position
    has_cursor: bool = False
    is_reset: bool = False

    def deletions_known(self, *, at_start: datetime) -> datetime:
        """Return a time up to which the reader need not learn about deletions.

        `at_start` is the result for a reader who begins and has nothing that could have been
        deleted. With a cursor of an empty feed, a reader may have what came after the cursor.
        """
        position = self.position
        if position == START and not self.has_cursor:
            return at_start
        # Several deletions may have the time of the position, some of them after it.
        before = position.time - _STEP if position.time > BEGINNING else BEGINNING
        return max(position.began, before)


@dataclass(frozen=True, slots=True)
class Feed:
    """A response, and whether any secret of the request was right."""

    response: event_pb2.GetEventsResponse
    has_right_secret: bool


def feed_of(
    incarnation: Incarnation,
    subscriptions: Sequence[FeedSubscription],
    rows: Iterable[asyncpg.Record],
) -> Feed:
    """Build the response from rows of GET_EVENTS."""
    response = event_pb2.GetEventsResponse()
    valid: set[tuple[UUID, str]] = set()
    # The time and id of each user's newest event: rows come in the order of times.
    last: dict[UUID, tuple[datetime, UUID]] = {}
    for user_id, secret, is_valid, event_id, timestamp, expiry, payload, iv in rows:
        if is_valid:
            valid.add((user_id, secret))
        if event_id is not None:
            add_event(response.events, user_id, event_id, timestamp, expiry, payload, iv)
            last[user_id] = (timestamp, event_id)
    newest = {user_id: Position(*of_user) for user_id, of_user in last.items()}
    for one in subscriptions:
        # Polls by time without news, which are most of all calls, are spared the cursors.
        is_new = one.position == START
        if is_new and (one.user_id, one.secret) in valid and one.user_id not in newest:
            newest[one.user_id] = one.position
    return finished(incarnation, response, subscriptions, valid, newest)


def add_event(
    events: Any,
    user_id: UUID,
    event_id: UUID,
    timestamp: Any,
    expiry: Any,
    payload: bytes,
    iv: bytes,
) -> None:
    """Add an event in place: one that is made elsewhere is copied, payload and all."""
    event = events.add(
        user_id=str(user_id),
        event_id=str(event_id),
        encrypted_event_payload=payload,
        encrypted_event_iv=iv,
    )
    set_time(event.timestamp, timestamp)
    set_time(event.expiry, expiry)


def finished(
    incarnation: Incarnation,
    response: event_pb2.GetEventsResponse,
    subscriptions: Sequence[FeedSubscription],
    valid: Collection[tuple[UUID, str]],
    newest: Mapping[UUID, Position],
) -> Feed:
    """Add the invalid secrets, and the cursors of users by their `newest` positions."""
    invalid = (one.secret for one in subscriptions if (one.user_id, one.secret) not in valid)
    response.invalid_follow_secrets.extend(dict.fromkeys(invalid))
    for user_id, position in newest.items():
        response.cursors[str(user_id)] = encode(incarnation, user_id, position)
    return Feed(response, has_right_secret=bool(valid))


def bytes_of(rows: Iterable[asyncpg.Record]) -> int:
    """Return the size of the events and deletions in rows of either statement."""
    size = 0
    for row in rows:
        if row["id"] is not None:
            payload = row["encrypted_event"]
            size += DELETION_BYTES if payload is None else len(payload) + EVENT_BYTES
    return size
