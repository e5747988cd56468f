"""The SQL of events, where the wire shows too little of it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from server.errors import NotFound, Unavailable
from server.libraries.database.migrations import migrate
from server.libraries.database.pool import Database
from server.services.credentials.hashing import HashedPassword
from server.services.event.repository import EVENT_BYTES, Event, EventRepository, FeedSubscription
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


async def test_a_poller_gets_in_parts_what_is_too_much_at_once(feed: Database) -> None:
    users = [await new_user(feed) for _ in range(2)]
    events = EventRepository(feed)
    written = [event(bytes([n]) * 300) for n in range(20)]
    for n, one in enumerate(written):
        await events.put(users[n % 2], one)

    since = dict.fromkeys(users, LONG_AGO)
    read: list[UUID] = []
    parts: list[int] = []
    while True:
        asked = [FeedSubscription(user, "secret", since[user]) for user in users]
        asked.append(FeedSubscription(users[0], "wrong", LONG_AGO))
        rows = await events.get(asked, max_bytes=4 * (300 + EVENT_BYTES) - 1)
        assert [row["secret"] for row in rows if not row["valid"]] == ["wrong"]
        found = [row for row in rows if row["id"]]
        if not found:
            break
        read += [row["id"] for row in found]
        parts.append(len(found))
        since |= {row["asked_user_id"]: row["timestamp"] for row in found}
    assert read == [one.id for one in written]
    assert parts == [4, 4, 4, 4, 4]


async def test_an_event_larger_than_a_part_is_a_part(feed: Database) -> None:
    user = await new_user(feed)
    events = EventRepository(feed)
    await events.put(user, event(b"x" * 300))
    rows = await events.get([FeedSubscription(user, "secret", LONG_AGO)], max_bytes=10)
    assert [row["valid"] for row in rows]


async def test_timestamps_grow_though_the_clock_was_set_back(
    feed: Database, empty_database: str
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
    rows = await events.get([FeedSubscription(user, "secret", ahead)])
    step = timedelta(microseconds=1)
    assert [row["timestamp"] for row in rows] == [ahead + step * n for n in (1, 2, 3)]


async def test_who_was_deleted_cannot_publish(feed: Database) -> None:
    with pytest.raises(NotFound):
        await EventRepository(feed).put(uuid4(), event())


async def test_deleting_a_user_and_their_writers_do_not_block_each_other(
    feed: Database, empty_database: str
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


async def test_without_a_database_the_caller_is_told_to_try_again() -> None:
    async with Database("postgresql://nobody@127.0.0.1:1/x", pool_size=1) as database:
        with pytest.raises(Unavailable):
            await EventRepository(database).get([FeedSubscription(uuid4(), "secret", LONG_AGO)])
