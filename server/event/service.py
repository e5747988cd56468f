"""EventService: the encrypted feed."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
from gymlocker.v2 import event_pb2, event_pb2_grpc

from server.event.repository import Event, EventRepository, Followed
from server.rpc.convert import datetime_of

# A time before every event.
EVER = datetime.min.replace(tzinfo=UTC)


class EventService(event_pb2_grpc.EventServiceServicer):
    """Publishes events and reads those of others."""

    def __init__(self, events: EventRepository) -> None:
        self._events = events

    async def PutEvent(
        self, request: event_pb2.PutEventRequest, context: Any
    ) -> event_pb2.PutEventResponse:
        """Publishes or replaces an event of the caller."""
        event = Event(
            id=UUID(request.event_id),
            payload=request.encrypted_event_payload,
            iv=request.encrypted_event_iv,
            expiry=datetime_of(request.expiry, "expiry"),
        )
        await self._events.put(UUID(request.user_id), event)
        return event_pb2.PutEventResponse()

    async def GetEvents(
        self, request: event_pb2.GetEventsRequest, context: Any
    ) -> event_pb2.GetEventsResponse:
        """Reads the events of the users whose secret is right."""
        followed = [_followed(index, user) for index, user in enumerate(request.users)]
        rows = await self._events.get(followed)
        valid = {(row["asked_user_id"], row["secret"]) for row in rows if row["valid"]}
        # Somebody who was asked for with two valid secrets still published each event once.
        events = {(row["asked_user_id"], row["id"]): row for row in rows if row["id"] is not None}
        invalid = dict.fromkeys(
            entry.secret for entry in followed if (entry.user_id, entry.secret) not in valid
        )
        return event_pb2.GetEventsResponse(
            events=[_event(row) for row in events.values()], invalid_follow_secrets=invalid
        )


def _followed(index: int, user: event_pb2.FollowedUser) -> Followed:
    return Followed(
        user_id=UUID(user.user_id),
        secret=user.follow_secret,
        since=datetime_of(user.since, f"users[{index}].since") if user.HasField("since") else EVER,
    )


def _event(row: asyncpg.Record) -> event_pb2.UserEvent:
    return event_pb2.UserEvent(
        user_id=str(row["asked_user_id"]),
        event_id=str(row["id"]),
        timestamp=row["timestamp"],
        encrypted_event_payload=row["encrypted_event"],
        encrypted_event_iv=row["encryption_iv"],
        expiry=row["expiry"],
    )
