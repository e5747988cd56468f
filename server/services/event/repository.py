"""The repository of events."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from server.libraries.database.pool import Database
from server.libraries.limits.quota import MAX_BYTES
from server.libraries.limits.storage_usage import Stored, UsageRepository
from server.services.event.feed import Feed, FeedSubscription, bytes_of, feed_of
from server.services.event.statements import GET_EVENTS, MAX_EVENTS, PUT_EVENT


@dataclass(frozen=True, slots=True)
class Event:
    """An event to publish. `payload` and `iv` are opaque."""

    id: UUID
    payload: bytes
    iv: bytes
    expiry: datetime


class EventRepository:
    """Events that users published."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._usage = UsageRepository(database)

    async def put(self, user_id: UUID, event: Event) -> None:
        """Publish `event` of the user, or replace the one with its id.

        Raise NotFound if there is no such user, ResourceExhausted if their quota is used up.
        """
        await self._usage.store(
            user_id,
            lambda: self._put(user_id, event),
            quota=f"{MAX_EVENTS:,} events, or {MAX_BYTES >> 20} MiB",
        )

    async def _put(self, user_id: UUID, event: Event) -> Stored | None:
        row = await self._database.fetch_one(
            PUT_EVENT,
            owner_id=user_id,
            event_id=event.id,
            event_expiry=event.expiry,
            payload=event.payload,
            size=len(event.payload),
            iv=event.iv,
        )
        return Stored(row["is_counted"]) if row else None

    async def get(self, subscriptions: Sequence[FeedSubscription], *, max_bytes: int) -> Feed:
        """Return the events of the valid subscriptions, oldest first, up to `max_bytes`."""
        return feed_of(subscriptions, await self._rows(subscriptions, max_bytes))

    async def get_small(
        self, subscriptions: Sequence[FeedSubscription], *, max_bytes: int
    ) -> Feed | None:
        """Return all events of the valid subscriptions, or None if they reach `max_bytes`."""
        rows = await self._rows(subscriptions, max_bytes)
        return feed_of(subscriptions, rows) if bytes_of(rows) < max_bytes else None

    async def _rows(
        self, subscriptions: Sequence[FeedSubscription], max_bytes: int
    ) -> list[asyncpg.Record]:
        return await self._database.fetch(
            GET_EVENTS,
            user_ids=[one.user_id for one in subscriptions],
            secrets=[one.secret for one in subscriptions],
            times=[one.since for one in subscriptions],
            max_bytes=max_bytes,
        )
