"""Followers by cursor while events are published, replaced, deleted and swept."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from gymlocker.v2 import event_pb2

from server.libraries.database.migrations import migrate
from server.libraries.database.pool import Database
from server.services.event.cursor import Position, decode
from server.services.event.feed import FeedSubscription
from server.services.event.read_statements import EVENT_BYTES
from server.services.event.repository import Event, EventRepository
from server.services.system.repository import SystemRepository
from tests.services.event.test_repository import new_user

WRITERS = 8
WRITES = 60
# Every answer of a follower is cut after so many bytes, so that many are.
MAX_BYTES = 5 * (EVENT_BYTES + 40)
PAST, FUTURE = timedelta(seconds=-1), timedelta(days=1)


@pytest.fixture
async def feed(empty_database: str) -> AsyncIterator[Database]:
    await migrate(empty_database, None, lambda _: None)
    async with Database(empty_database, pool_size=20) as database:
        yield database


@dataclass
class Copy:
    """A follower's copy, and its cursor. Without `learns`, it ignores deletions."""

    user: UUID
    learns: bool = True
    events: dict[str, bytes] = field(default_factory=dict)
    cursor: str = ""

    async def poll(self, repository: EventRepository) -> bool:
        """Read and apply one answer; return whether it held anything."""
        position = Position()
        if self.cursor:
            found = decode(await repository.incarnation(), self.user, self.cursor, "cursor")
            assert found is not None
            position = found
        subscription = FeedSubscription(self.user, "secret", position, has_cursor=bool(self.cursor))
        response = (await repository.get([subscription], max_bytes=MAX_BYTES)).response
        assert list(response.resets) == []
        self._apply(response)
        return bool(response.events or response.deleted)

    def _apply(self, response: event_pb2.GetEventsResponse) -> None:
        for event in response.events:
            self.events[event.event_id] = event.encrypted_event_payload
        for one in response.deleted if self.learns else ():
            self.events.pop(one.event_id, None)
        self.cursor = response.cursors[str(self.user)]


async def write(repository: EventRepository, user: UUID, ids: list[UUID], seed: int) -> None:
    """Publish, replace and delete events at random; some have expired as they are published."""
    choice = random.Random(seed)
    for number in range(WRITES):
        id_ = choice.choice(ids)
        if choice.random() < 0.3:
            await repository.delete(user, id_)
        else:
            expiry = datetime.now(UTC) + (PAST if choice.random() < 0.2 else FUTURE)
            await repository.put(user, Event(id_, f"{seed}:{number}".encode(), b"iv", expiry))


async def read_all(repository: EventRepository, *copies: Copy) -> None:
    for copy in copies:
        while await copy.poll(repository):
            pass


async def test_copies_equal_what_is_there(feed: Database) -> None:
    user = await new_user(feed)
    repository, sweeper = EventRepository(feed), SystemRepository(feed)
    ids = [uuid4() for _ in range(12)]
    followers = [Copy(user) for _ in range(3)]
    deaf = Copy(user, learns=False)
    writers = asyncio.gather(*(write(repository, user, ids, seed) for seed in range(WRITERS)))

    async def sweep() -> None:
        while not writers.done():
            await sweeper.sweep(3)

    async def follow(copy: Copy) -> None:
        while not writers.done():
            await copy.poll(repository)

    await asyncio.gather(writers, sweep(), *(follow(copy) for copy in (*followers, deaf)))
    while await sweeper.sweep(100):
        pass
    await read_all(repository, *followers, deaf)
    await repository.delete(user, UUID(next(iter(followers[0].events))))
    newcomer = Copy(user)
    await read_all(repository, *followers, deaf, newcomer)
    there = newcomer.events
    assert there
    assert [copy.events for copy in followers] == [there] * len(followers)
    # The control: it has events that are gone.
    assert deaf.events.keys() > there.keys()
