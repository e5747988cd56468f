"""The shared feeds of a worker, over a database, with streams that tests flush."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
from gymlocker.v2 import event_pb2

from server.libraries.database.incarnation import Incarnation
from server.libraries.database.pool import Database
from server.libraries.hints.hint import Hint, Topic
from server.libraries.rpc.live_stream import LiveStreams
from server.services.credentials.password_hashing import HashedPassword
from server.services.event.changes import Changes, Entry, UserRows
from server.services.event.cursor import Position
from server.services.event.feed import FeedSubscription
from server.services.event.repository import Event, EventRepository
from server.services.event.watch import messages
from server.services.event.watch.repository import WatchRepository
from server.services.event.watch.shared_feeds import SharedFeeds
from server.services.event.watch.watcher import Watcher
from server.services.follow.repository import FollowRepository
from server.services.user.repository import UserRepository

HASHED = HashedPassword("0" * 128, bytes(64))


class CountingEvents(EventRepository):
    """A repository that counts the reads of watchers, with their entries, and may pause them."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.reads = 0
        self.entries: list[int] = []
        self.begun = asyncio.Event()
        self.may_return = asyncio.Event()
        self.may_return.set()
        self.replaced: Incarnation | None = None

    async def incarnation(self) -> Incarnation:
        return self.replaced or await super().incarnation()

    async def changes(
        self, subscriptions: Sequence[FeedSubscription], *, max_bytes: int
    ) -> Changes:
        self.reads += 1
        self.entries.append(len(subscriptions))
        found = await super().changes(subscriptions, max_bytes=max_bytes)
        self.begun.set()
        await self.may_return.wait()
        return found


class CountingReads(WatchRepository):
    """A repository that counts the shared reads and may pause them."""

    def __init__(self, database: Database, events: EventRepository) -> None:
        super().__init__(database, events)
        self.reads: list[set[UUID]] = []
        self.begun = asyncio.Event()
        self.may_return = asyncio.Event()
        self.may_return.set()

    async def changes(
        self, positions: Mapping[UUID, datetime], *, max_bytes: int
    ) -> dict[UUID, UserRows]:
        self.reads.append(set(positions))
        found = await super().changes(positions, max_bytes=max_bytes)
        self.begun.set()
        await self.may_return.wait()
        return found

    async def invalid(self, entries: Sequence[Entry]) -> list[Entry]:
        return await super().invalid(entries)


@dataclass
class Stream:
    """A watcher and what it sent."""

    messages: list[event_pb2.WatchEventsResponse] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] = field(init=False)

    async def write(self, message: bytes) -> None:
        self.messages.append(event_pb2.WatchEventsResponse.FromString(message))
        self.arrived.set()

    def names(self) -> list[str]:
        """Return the names of the messages."""
        return [str(message.WhichOneof("message")) for message in self.messages]

    def payloads(self) -> list[bytes]:
        return [
            message.event.encrypted_event_payload
            for message in self.messages
            if message.HasField("event")
        ]

    async def wait_for(self, name: str, number: int = 1) -> None:
        """Wait until so many messages of a name were sent."""
        async with asyncio.timeout(20):
            while self.names().count(name) < number:
                self.arrived.clear()
                await self.arrived.wait()


class Scene:
    """The part of a worker that watches events."""

    def __init__(self, pool: Database) -> None:
        self.pool = pool
        self.events = CountingEvents(pool)
        self.repository = CountingReads(pool, self.events)
        self.feeds = SharedFeeds(self.repository)
        self.streams = LiveStreams()

    async def new_user(self, *secrets: str) -> UUID:
        user_id = uuid4()
        await UserRepository(self.pool).create(user_id, HASHED)
        for secret in secrets or ("secret",):
            await FollowRepository(self.pool).put(user_id, secret)
        return user_id

    async def publish(self, user_id: UUID, payload: bytes, *, hint: bool = True) -> None:
        """Store an event, and tell the feeds unless the hint is lost."""
        expiry = datetime.now(UTC) + timedelta(days=1)
        await self.events.put(user_id, Event(uuid4(), payload, b"iv", expiry))
        if hint:
            self.hint(user_id)

    async def revoke(self, user_id: UUID, secret: str = "secret") -> None:
        await FollowRepository(self.pool).delete(user_id, secret)

    def hint(self, user_id: UUID) -> None:
        self.feeds.receive(Hint(Topic.EVENTS, user_id))

    @asynccontextmanager
    async def watching(
        self, user_id: UUID, *secrets: str, caught_up: bool = True
    ) -> AsyncIterator[Stream]:
        """Watch a user from the beginning."""
        stream = Stream()
        subscriptions = [
            FeedSubscription(user_id, secret, Position()) for secret in secrets or ("secret",)
        ]
        stream.task = asyncio.create_task(self._serve(stream, subscriptions))
        try:
            if caught_up:
                await stream.wait_for("caught_up")
            yield stream
        finally:
            stream.task.cancel()
            await asyncio.wait([stream.task])

    async def _serve(self, stream: Stream, subscriptions: list[FeedSubscription]) -> None:
        async def count_wrong(number: int, has_right: bool) -> bool:
            return True

        opened = self.streams.opened(
            stream.write, heartbeat=messages.HEARTBEAT, ended=messages.ended
        )
        async with opened as live:
            await Watcher(live, self.feeds, self.events, subscriptions, count_wrong).run()


@pytest.fixture
async def scene(pool: Database, connection: asyncpg.Connection) -> AsyncIterator[Scene]:
    scene = Scene(pool)
    task = asyncio.create_task(scene.feeds.marked.run())
    yield scene
    assert not task.done()
    task.cancel()
    await asyncio.wait([task])
