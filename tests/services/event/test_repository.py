"""EventRepository: behaviour that a client does not see."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
from gymlocker.v2 import event_pb2

from server.errors import NotFound, Unavailable
from server.libraries.database.migrations import migrate
from server.libraries.database.pool import Database
from server.services.credentials.password_hashing import HashedPassword
from server.services.event.cursor import Position, decode
from server.services.event.feed import FeedSubscription
from server.services.event.read_statements import EVENT_BYTES
from server.services.event.repository import Event, EventRepository
from server.services.follow.repository import FollowRepository
from server.services.user.repository import UserRepository

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
HASHED = HashedPassword("0" * 128, bytes(64))


def event(payload: bytes = b"payload") -> Event:
    return Event(uuid4(), payload, b"iv", datetime.now(UTC) + timedelta(days=1))


@pytest.fixture
async def feed(empty_database: str) -> AsyncIterator[Database]:
    await migrate(empty_database, None, lambda _: None)
    async with Database(empty_database, pool_size=20) as database:
        yield database


async def new_user(database: Database, secret: str = "secret") -> UUID:
    user_id = uuid4()
    await UserRepository(database).create(user_id, HASHED)
    await FollowRepository(database).put(user_id, secret)
    return user_id


class TestPut:
    async def test_increases_timestamps_after_the_clock_was_set_back(
        self, feed: Database, empty_database: str
    ) -> None:
        user = await new_user(feed)
        events = EventRepository(feed)
        await events.put(user, event())
        connection = await asyncpg.connect(empty_database)
        ahead = await connection.fetchval(
            "UPDATE user_event_clocks SET timestamp = now() + interval '1 hour' RETURNING timestamp"
        )
        await connection.close()
        for _ in range(3):
            await events.put(user, event())
        found = await events.get(
            [FeedSubscription(user, "secret", Position(ahead))], max_bytes=2**20
        )
        step = timedelta(microseconds=1)
        times = [one.timestamp.ToDatetime(UTC) for one in found.response.events]
        assert times == [ahead + step * n for n in (1, 2, 3)]

    async def test_raises_not_found_for_deleted_user(self, feed: Database) -> None:
        with pytest.raises(NotFound):
            await EventRepository(feed).put(uuid4(), event())

    async def test_does_not_deadlock_with_deleting_the_user(
        self, feed: Database, empty_database: str
    ) -> None:
        users, events = UserRepository(feed), EventRepository(feed)
        connection = await asyncpg.connect(empty_database)

        async def write(user: UUID) -> None:
            try:
                while True:
                    await events.put(user, event())
            except NotFound:
                pass

        for _ in range(5):
            user = await new_user(feed)
            writers = [asyncio.create_task(write(user)) for _ in range(12)]
            while not await connection.fetchval("SELECT count(*) > 30 FROM user_events"):
                pass
            assert await users.delete(user)
            await asyncio.gather(*writers)
        await connection.execute("SELECT pg_stat_force_next_flush()")
        deadlocks = await connection.fetchval(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        )
        await connection.close()
        assert deadlocks == 0


class TestGet:
    async def test_returns_a_large_feed_in_parts(self, feed: Database) -> None:
        users = [await new_user(feed) for _ in range(2)]
        events = EventRepository(feed)
        written = [event(bytes([n]) * 300) for n in range(20)]
        for n, one in enumerate(written):
            await events.put(users[n % 2], one)

        since = dict.fromkeys(users, LONG_AGO)
        read: list[UUID] = []
        parts: list[int] = []
        while True:
            subscriptions = [
                FeedSubscription(user, "secret", Position(since[user])) for user in users
            ]
            subscriptions.append(FeedSubscription(users[0], "wrong", Position(LONG_AGO)))
            found = await events.get(subscriptions, max_bytes=4 * (300 + EVENT_BYTES) - 1)
            assert found.has_right_secret
            assert list(found.response.invalid_follow_secrets) == ["wrong"]
            part = found.response.events
            if not part:
                break
            read += [UUID(one.event_id) for one in part]
            parts.append(len(part))
            since |= {UUID(one.user_id): one.timestamp.ToDatetime(UTC) for one in part}
        assert read == [one.id for one in written]
        assert parts == [4, 4, 4, 4, 4]

    async def test_returns_event_larger_than_the_limit(self, feed: Database) -> None:
        user = await new_user(feed)
        events = EventRepository(feed)
        await events.put(user, event(b"x" * 300))
        found = await events.get(
            [FeedSubscription(user, "secret", Position(LONG_AGO))], max_bytes=10
        )
        assert found.has_right_secret
        assert len(found.response.events) == 1

    async def test_raises_unavailable_without_a_database(self) -> None:
        subscription = FeedSubscription(uuid4(), "secret", Position(LONG_AGO))
        async with Database("postgresql://nobody@127.0.0.1:1/x", pool_size=1) as database:
            with pytest.raises(Unavailable):
                await EventRepository(database).get([subscription], max_bytes=2**20)


class TestGetBySecrets:
    """Two secrets of one user, with different positions: the client has one copy."""

    @pytest.mark.parametrize("max_bytes", [1, 2**20], ids=["in pages", "at once"])
    async def test_tells_deletions_after_the_cursor_of_either(
        self, feed: Database, max_bytes: int
    ) -> None:
        user, events = await new_user(feed), EventRepository(feed)
        await FollowRepository(feed).put(user, "other")
        written = [event() for _ in range(4)]
        for one in written:
            await events.put(user, one)
        start = FeedSubscription(user, "secret", Position())
        known = await self._next(events, max_bytes=2**20, after=[start])
        await events.delete(user, written[0].id)
        told: list[str] = []
        # The first secret begins, the other one has the cursor.
        subscriptions = [start, known[1]._replace(secret="other")]
        while True:
            response, after = await self._next(events, max_bytes=max_bytes, after=subscriptions)
            told += [one.event_id for one in response.deleted]
            if not response.events and not response.deleted:
                break
            subscriptions = [after, after._replace(secret="other")]
        assert told == [str(written[0].id)]

    async def _next(
        self, events: EventRepository, *, max_bytes: int, after: list[FeedSubscription]
    ) -> tuple[event_pb2.GetEventsResponse, FeedSubscription]:
        """Read a page; return it with the subscription that continues after it."""
        response = (await events.get(after, max_bytes=max_bytes)).response
        assert list(response.resets) == []
        user = after[0].user_id
        position = decode(await events.incarnation(), user, response.cursors[str(user)], "cursor")
        assert position
        return response, FeedSubscription(user, "secret", position, has_cursor=True)


class TestGetSmall:
    async def test_returns_none_for_feed_of_the_limit(self, feed: Database) -> None:
        user = await new_user(feed)
        events = EventRepository(feed)
        await events.put(user, event(b"x" * 300))
        subscriptions = [FeedSubscription(user, "secret", Position(LONG_AGO))]
        size = 300 + EVENT_BYTES
        assert await events.get_small(subscriptions, max_bytes=size) is None
        found = await events.get_small(subscriptions, max_bytes=size + 1)
        assert found is not None
        assert len(found.response.events) == 1
