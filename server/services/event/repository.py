"""The repository of events."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

import asyncpg

from server.errors import no_such_user
from server.libraries.database.incarnation import Incarnation, IncarnationSource
from server.libraries.database.pool import Database
from server.libraries.database.time import LAST
from server.libraries.limits.quota import MAX_BYTES
from server.libraries.limits.storage_usage import Stored, UsageRepository
from server.services.event.changes import (
    Changes,
    begun_again,
    changes_of,
    feed_of_changes,
    merged,
)
from server.services.event.feed import Feed, FeedSubscription, bytes_of, feed_of
from server.services.event.read_statements import GET_CHANGES, GET_EVENTS
from server.services.event.statements import DELETE_EVENT, MAX_EVENTS, PUT_EVENT


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
        self._incarnations = IncarnationSource(database)
        self._usage = UsageRepository(database)

    async def incarnation(self) -> Incarnation:
        """Return the identity of the database, for cursors."""
        return await self._incarnations.get()

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

    async def delete(self, user_id: UUID, event_id: UUID) -> None:
        """Delete an event of the user, if there is one. Raise NotFound if there is no such user."""
        row = await self._database.fetch_one(DELETE_EVENT, owner_id=user_id, event_id=event_id)
        if row is None:
            raise no_such_user()

    async def get(self, subscriptions: Sequence[FeedSubscription], *, max_bytes: int) -> Feed:
        """Return the events of the valid subscriptions, oldest first, up to `max_bytes`."""
        return (await self._read(subscriptions, max_bytes)).feed()

    async def get_small(
        self, subscriptions: Sequence[FeedSubscription], *, max_bytes: int
    ) -> Feed | None:
        """Return all events of the valid subscriptions, or None if they reach `max_bytes`."""
        read = await self._read(subscriptions, max_bytes)
        return read.feed() if bytes_of(read.rows) < max_bytes else None

    async def _read(self, subscriptions: Sequence[FeedSubscription], max_bytes: int) -> "_Read":
        # Before the events are read: if the database is replaced in between, the cursors are of the
        # one before and lead to a reset.
        incarnation = await self.incarnation()
        if not any(one.has_cursor or one.is_reset for one in subscriptions):
            rows = await self._database.fetch(
                GET_EVENTS,
                user_ids=[one.user_id for one in subscriptions],
                secrets=[one.secret for one in subscriptions],
                times=[one.position.time for one in subscriptions],
                max_bytes=max_bytes,
            )
            return _Read(rows, partial(feed_of, incarnation, subscriptions, rows))
        known, rows = await self._read_changes(subscriptions, max_bytes)
        return _Read(rows, lambda: feed_of_changes(known, changes_of(incarnation, known, rows)))

    async def changes(
        self, subscriptions: Sequence[FeedSubscription], *, max_bytes: int
    ) -> Changes:
        """Return the changes after the positions of the valid subscriptions, up to `max_bytes`.

        A subscription whose position does not fit begins again: see `Changes.resets`.
        """
        incarnation = await self.incarnation()
        known, rows = await self._read_changes(subscriptions, max_bytes)
        return changes_of(incarnation, known, rows)

    async def _read_changes(
        self, subscriptions: Sequence[FeedSubscription], max_bytes: int
    ) -> tuple[list[FeedSubscription], list[asyncpg.Record]]:
        known = merged(subscriptions)
        rows = await self._changes(known, max_bytes)
        if again := begun_again(known, rows):
            return again, await self._changes(again, max_bytes)
        return known, rows

    async def _changes(
        self, subscriptions: Sequence[FeedSubscription], max_bytes: int
    ) -> list[asyncpg.Record]:
        positions = [one.position for one in subscriptions]
        return await self._database.fetch(
            GET_CHANGES,
            user_ids=[one.user_id for one in subscriptions],
            secrets=[one.secret for one in subscriptions],
            times=[one.time for one in positions],
            positions=[one.id for one in positions],
            beginnings=[one.deletions_known(at_start=LAST) for one in subscriptions],
            max_bytes=max_bytes,
        )


@dataclass(frozen=True, slots=True)
class _Read:
    """Rows of events, and a function that builds the response."""

    rows: list[asyncpg.Record]
    feed: Callable[[], Feed]
