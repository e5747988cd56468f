"""What one user may store, whoever wrote it, and that it is counted exactly."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
from gymlocker.v2 import event_pb2

from server.errors import NotFound
from server.libraries.database.pool import Database
from server.libraries.limits.quota import MAX_BYTES, MAX_LIFETIME
from server.libraries.limits.usage import UsageRepository
from server.services.event.repository import MAX_EVENTS, Event, EventRepository
from server.services.follow.repository import MAX_FOLLOW_SECRETS
from server.services.share.repository import MAX_SHARED_ITEMS, ShareRepository
from server.services.system.cleanup import sweep
from server.services.system.repository import SystemRepository
from tests.libraries.limits.conftest import Bounded, World
from tests.libraries.limits.refusals import refused_for
from tests.support.client import IV, User, event_of, follow, item_of, many_users

ADD_EVENTS = """
INSERT INTO user_events (user_id, id, timestamp, last_accessed, expiry, encrypted_event,
    encryption_iv)
SELECT $1, gen_random_uuid(), now(), now(), $4, $3, 'iv' FROM generate_series(1, $2)
RETURNING id
"""
ADD_ITEMS = """
INSERT INTO shared_items (id, user_id, timestamp, expiry, encrypted_payload, encryption_iv)
SELECT gen_random_uuid(), $1, now(), $4, $3, 'iv' FROM generate_series(1, $2)
RETURNING id
"""
ADD_SECRETS = """
INSERT INTO user_follow_secrets (id, user_id, value)
SELECT gen_random_uuid(), $1, i::text FROM generate_series(1, $2) AS i
"""
UNCOUNTED = """
UPDATE user_event_clocks SET events = NULL, bytes = NULL, counted = NULL WHERE user_id = $1
"""
SOON = datetime.now(UTC) + timedelta(days=30)


def replacing(user: User, event_id: UUID, payload: bytes) -> event_pb2.PutEventRequest:
    request = event_of(user, payload)
    request.event_id = str(event_id)
    return request


async def add(
    table: asyncpg.Connection, statement: str, user: User, number: int, payload: bytes = b"x"
) -> list[UUID]:
    """Rows of before the takeover, so that the user is still to be counted."""
    rows = await table.fetch(statement, UUID(user.id), number, payload, SOON)
    await table.execute(UNCOUNTED, UUID(user.id))
    return [row["id"] for row in rows]


async def test_10_000_events(world: World, table: asyncpg.Connection) -> None:
    client = world.client()
    user = await client.created_user()
    await client.events.PutEvent(event_of(user))
    ids = await add(table, ADD_EVENTS, user, MAX_EVENTS - 2)
    await client.events.PutEvent(event_of(user))
    with refused_for("QUOTA_EXCEEDED", seconds=3600):
        await client.events.PutEvent(event_of(user))
    await client.events.PutEvent(replacing(user, ids[0], b"another, and a longer one"))
    await table.execute("DELETE FROM user_events WHERE id = $1", ids[1])
    await client.events.PutEvent(event_of(user))
    with refused_for("QUOTA_EXCEEDED"):
        await client.events.PutEvent(event_of(user))


async def test_64_mebibytes_of_events_and_items_together(
    world: World, table: asyncpg.Connection
) -> None:
    client = world.client()
    user = await client.created_user()
    await client.shares.CreateSharedItem(item_of(user, b"x" * 1000))
    [large] = await add(table, ADD_EVENTS, user, 1, bytes(MAX_BYTES - 2000))
    await client.events.PutEvent(event_of(user, b"x" * 1000))
    for store in (
        lambda: client.events.PutEvent(event_of(user, b"x")),
        lambda: client.shares.CreateSharedItem(item_of(user, b"x")),
    ):
        with refused_for("QUOTA_EXCEEDED", seconds=3600):
            await store()
    await client.events.PutEvent(replacing(user, large, b"smaller"))
    await client.shares.CreateSharedItem(item_of(user, b"x"))


async def test_5_000_follow_secrets(world: World, table: asyncpg.Connection) -> None:
    client = world.client()
    user = await client.created_user()
    await table.execute(ADD_SECRETS, UUID(user.id), MAX_FOLLOW_SECRETS)
    with refused_for("QUOTA_EXCEEDED", seconds=3600):
        await client.accept(user, "one more")
    # One that is there is accepted again.
    await client.accept(user, "17")
    await client.revoke(user, "17")
    await client.accept(user, "one more")
    assert not (await client.feed(follow(user.id, "one more"))).invalid_follow_secrets


async def test_1_000_shared_items(world: World, table: asyncpg.Connection) -> None:
    client = world.client()
    user = await client.created_user()
    await add(table, ADD_ITEMS, user, MAX_SHARED_ITEMS - 1)
    await client.shares.CreateSharedItem(item_of(user))
    with refused_for("QUOTA_EXCEEDED", seconds=3600):
        await client.shares.CreateSharedItem(item_of(user))


async def test_whoever_came_with_more_keeps_it(world: World, table: asyncpg.Connection) -> None:
    client = world.client()
    user = await client.created_user()
    # As it is after a takeover: nothing was ever counted.
    ids = await add(table, ADD_EVENTS, user, MAX_EVENTS + 5, b"payload")
    await client.events.PutEvent(event_of(user))
    with refused_for("QUOTA_EXCEEDED"):
        await client.events.PutEvent(event_of(user))
    await client.events.PutEvent(replacing(user, ids[0], b"changed"))
    query = "SELECT count(*) FROM user_events WHERE user_id = $1"
    assert await table.fetchval(query, user.id) == MAX_EVENTS + 6


async def test_an_expiry_is_at_most_ten_years_ahead(
    world: World, table: asyncpg.Connection
) -> None:
    client = world.client()
    user = await client.created_user()
    request, item = event_of(user), item_of(user)
    for expiry in (request.expiry, item.expiry):
        expiry.FromJsonString("9999-12-31T23:59:59.999999999Z")
    await client.events.PutEvent(request)
    await client.shares.CreateSharedItem(item)
    [event] = (await client.feed(follow(user.id, await client.new_secret(user)))).events
    latest = datetime.now(UTC) + MAX_LIFETIME
    assert latest - timedelta(hours=1) < event.expiry.ToDatetime(UTC) <= latest
    found = await table.fetchval("SELECT expiry FROM shared_items WHERE user_id = $1", user.id)
    assert latest - timedelta(hours=1) < found <= latest


async def test_times_beyond_the_year_9999_can_be_read(
    world: World, table: asyncpg.Connection
) -> None:
    client = world.client()
    user = await client.created_user()
    secret = await client.new_secret(user)
    [event_id] = await add(table, ADD_EVENTS, user, 1)
    await table.execute(
        "UPDATE user_events SET expiry = '250000-01-01', timestamp = '10000-01-01 00:00+00'"
        " WHERE id = $1",
        event_id,
    )
    [event] = (await client.feed(follow(user.id, secret))).events
    assert event.expiry.ToJsonString() == "9999-12-31T23:59:59.999999Z"
    assert event.timestamp.ToJsonString() == "9999-12-31T23:59:59.999999Z"


@pytest.fixture
async def pool(bounded: Bounded) -> AsyncIterator[Database]:
    async with Database(bounded.database_url, pool_size=10) as database:
        yield database


async def counted(table: asyncpg.Connection, user_id: UUID) -> tuple[int, ...]:
    query = "SELECT events, bytes FROM user_event_clocks WHERE user_id = $1"
    [row] = await table.fetch(query, user_id)
    return tuple(row)


async def stored(table: asyncpg.Connection, user_id: UUID) -> tuple[int, ...]:
    query = """
    SELECT (SELECT count(*) FROM user_events WHERE user_id = $1),
        (SELECT coalesce(sum(length(encrypted_event)), 0) FROM user_events WHERE user_id = $1)
        + (SELECT coalesce(sum(length(encrypted_payload)), 0) FROM shared_items WHERE user_id = $1)
    """
    [row] = await table.fetch(query, user_id)
    return tuple(row)


async def test_usage_is_exact_whatever_happened_at_once(
    pool: Database, table: asyncpg.Connection
) -> None:
    [user_id] = await many_users(table, 1)
    events, shares, system = EventRepository(pool), ShareRepository(pool), SystemRepository(pool)
    chance = random.Random(1)
    ids = [uuid4() for _ in range(8)]

    async def write() -> None:
        for _ in range(25):
            expiry = datetime.now(UTC) + timedelta(hours=chance.choice((-1, 1)))
            payload = bytes(chance.randrange(1, 2000))
            if chance.random() < 0.2:
                await shares.create(user_id, payload, IV, expiry)
            else:
                await events.put(user_id, Event(chance.choice(ids), payload, IV, expiry))

    async def delete() -> None:
        for _ in range(20):
            await sweep(system)
            await table.execute("DELETE FROM user_events WHERE id = $1", chance.choice(ids))

    await asyncio.gather(*(write() for _ in range(6)), delete())
    assert await counted(table, user_id) == await stored(table, user_id)
    # From here on it is kept, one thing after the other.
    await events.put(user_id, Event(ids[0], b"new", IV, datetime.now(UTC) + timedelta(hours=1)))
    await events.put(user_id, Event(ids[0], b"larger", IV, datetime.now(UTC) + timedelta(hours=1)))
    await table.execute("DELETE FROM user_events WHERE id = $1", ids[0])
    assert await counted(table, user_id) == await stored(table, user_id)
    await table.execute(
        "UPDATE user_event_clocks SET counted = '-infinity', events = 99, bytes = 0"
    )
    await UsageRepository(pool).recount(user_id, is_wrong=False)
    assert await counted(table, user_id) == await stored(table, user_id)


async def test_a_count_that_is_too_high_refuses_nobody(
    pool: Database, table: asyncpg.Connection
) -> None:
    [user_id] = await many_users(table, 1)
    events = EventRepository(pool)
    await events.put(user_id, Event(uuid4(), b"x", IV, SOON))
    await table.execute(
        "UPDATE user_event_clocks SET events = $2, counted = '-infinity' WHERE user_id = $1",
        user_id,
        MAX_EVENTS,
    )
    await events.put(user_id, Event(uuid4(), b"x", IV, SOON))
    assert await counted(table, user_id) == (2, 2)


async def test_a_user_who_is_deleted_while_they_store_is_not_found(
    pool: Database, table: asyncpg.Connection
) -> None:
    [user_id] = await many_users(table, 1)
    puts: list[UUID] = []

    async def put() -> None:
        """Find no room; the second time, after the count, the user is gone."""
        puts.append(user_id)
        if len(puts) == 2:
            await table.execute("DELETE FROM users WHERE id = $1", user_id)

    with pytest.raises(NotFound):
        await UsageRepository(pool).store(user_id, put, quota="nothing")
    assert len(puts) == 2
