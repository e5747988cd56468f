"""EventService: the encrypted feed."""

from datetime import UTC, datetime
from uuid import UUID

import asyncpg
from gymlocker.v2 import event_pb2, event_pb2_grpc

from server.errors import ResourceExhausted
from server.libraries.limits.rate_limits import WrongSecrets
from server.libraries.rpc.context import Context, address_of
from server.libraries.rpc.conversions import datetime_of, set_time
from server.libraries.rpc.large_responses import LARGE_BYTES, LargeResponses
from server.services.event.repository import Event, EventRepository, FeedSubscription, bytes_of

# A time before every event.
EVER = datetime.min.replace(tzinfo=UTC)


class EventService(event_pb2_grpc.EventServiceServicer):
    """Publishes events and reads those of others."""

    def __init__(
        self, events: EventRepository, wrong_secrets: WrongSecrets, large_responses: LargeResponses
    ) -> None:
        self._events = events
        self._wrong_secrets = wrong_secrets
        self._large_responses = large_responses

    async def PutEvent(
        self, request: event_pb2.PutEventRequest, context: Context
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
        self, request: event_pb2.GetEventsRequest, context: Context
    ) -> event_pb2.GetEventsResponse:
        """Reads the events of the users whose secret is right."""
        followed = [_followed(index, user) for index, user in enumerate(request.users)]
        rows = await self._events.get(followed, max_bytes=LARGE_BYTES)
        if bytes_of(rows) < LARGE_BYTES:
            return await self._checked(*_reply(followed, rows), context)
        # There may be more. These are not kept while others have their turn.
        rows.clear()
        async with self._large_responses.acquire(context) as max_bytes:
            rows = await self._events.get(followed, max_bytes=max_bytes)
            return await self._checked(*_reply(followed, rows), context)

    async def _checked(
        self, reply: event_pb2.GetEventsResponse, has_right_secret: bool, context: Context
    ) -> event_pb2.GetEventsResponse:
        """Counts the wrong secrets; says nothing about them beyond the bound.

        Whoever has right ones among them gets their events all the same: somebody at the same
        address may be guessing. Raises ResourceExhausted if all are wrong.
        """
        if reply.invalid_follow_secrets:
            try:
                wrong = len(reply.invalid_follow_secrets)
                await self._wrong_secrets.take(address_of(context), wrong)
            except ResourceExhausted:
                if not has_right_secret:
                    raise
                reply.ClearField("invalid_follow_secrets")
        return reply


def _reply(
    followed: list[FeedSubscription], rows: list[asyncpg.Record]
) -> tuple[event_pb2.GetEventsResponse, bool]:
    """The reply, and whether any secret is right."""
    reply = event_pb2.GetEventsResponse()
    valid: set[tuple[UUID, str]] = set()
    added: set[tuple[UUID, UUID]] = set()
    for row in rows:
        user_id, event_id = row["asked_user_id"], row["id"]
        if row["valid"]:
            valid.add((user_id, row["secret"]))
        # Somebody who was asked for with two valid secrets still published each event once.
        if event_id is not None and (user_id, event_id) not in added:
            added.add((user_id, event_id))
            _add(reply, row)
    invalid = (entry.secret for entry in followed if (entry.user_id, entry.secret) not in valid)
    reply.invalid_follow_secrets.extend(dict.fromkeys(invalid))
    return reply, bool(valid)


def _add(reply: event_pb2.GetEventsResponse, row: asyncpg.Record) -> None:
    # Made in place: an event that is made elsewhere is copied, payload and all.
    event = reply.events.add(
        user_id=str(row["asked_user_id"]),
        event_id=str(row["id"]),
        encrypted_event_payload=row["encrypted_event"],
        encrypted_event_iv=row["encryption_iv"],
    )
    set_time(event.timestamp, row["timestamp"])
    set_time(event.expiry, row["expiry"])


def _followed(index: int, user: event_pb2.FollowedUser) -> FeedSubscription:
    return FeedSubscription(
        user_id=UUID(user.user_id),
        secret=user.follow_secret,
        since=datetime_of(user.since, f"users[{index}].since") if user.HasField("since") else EVER,
    )
