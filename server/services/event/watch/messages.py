"""Encoded messages of WatchEvents."""

from collections.abc import Iterable, Iterator
from uuid import UUID

import asyncpg
from gymlocker.v2 import event_pb2

from server.libraries.database.incarnation import Incarnation
from server.libraries.rpc.conversions import set_time
from server.services.event.cursor import Position, encode


def _encoded(**message: object) -> bytes:
    return event_pb2.WatchEventsResponse(**message).SerializeToString()  # type: ignore[arg-type]


HEARTBEAT = _encoded(heartbeat={})
CAUGHT_UP = _encoded(caught_up={})


def ended(reason: str) -> bytes:
    """Return the last message of a stream."""
    return _encoded(ended={"reason": reason})


def reset(user_id: UUID) -> bytes:
    """Return the message after which all events of the user follow."""
    return _encoded(reset={"user_id": str(user_id)})


def invalid(user_id: UUID, secret: str) -> bytes:
    """Return the message for a secret that does not belong to the user, or no longer."""
    return _encoded(invalid_follow_secret={"user_id": str(user_id), "follow_secret": secret})


def cursor(incarnation: Incarnation, user_id: UUID, position: Position) -> bytes:
    """Return the message that follows the changes up to `position`."""
    text = encode(incarnation, user_id, position)
    return _encoded(cursor={"user_id": str(user_id), "cursor": text})


def changes(rows: Iterable[asyncpg.Record]) -> Iterator[bytes]:
    """Yield a message for each event or deletion."""
    for row in rows:
        user_id, event_id = str(row["requested_user_id"]), str(row["id"])
        if row["is_deletion"]:
            yield _encoded(deleted={"user_id": user_id, "event_id": event_id})
            continue
        message = event_pb2.WatchEventsResponse()
        event = message.event
        event.user_id, event.event_id = user_id, event_id
        event.encrypted_event_payload = row["encrypted_event"]
        event.encrypted_event_iv = row["encryption_iv"]
        set_time(event.timestamp, row["timestamp"])
        set_time(event.expiry, row["expiry"])
        yield message.SerializeToString()
