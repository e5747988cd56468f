"""UsageRepository: exact counts of what each user stores."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from server.errors import NotFound
from server.libraries.database.pool import Database
from server.libraries.limits.storage_usage import UsageRepository
from server.services.event.repository import Event, EventRepository
from server.services.event.statements import MAX_EVENTS
from server.services.share.repository import ShareRepository
from server.services.system.cleanup import sweep
from server.services.system.repository import SystemRepository
from tests.libraries.limits.conftest import LimitedStack
from tests.support.client import IV, many_users

SOON = datetime.now(UTC) + timedelta(days=30)


@pytest.fixture
async def pool(limited_stack: LimitedStack) -> AsyncIterator[Database]:
    async with Database(limited_stack.database_url, pool_size=10) as database:
        yield database


async def counted(connection: asyncpg.Connection, user_id: UUID) -> tuple[int, ...]:
    query = "SELECT events, bytes FROM user_event_clocks WHERE user_id = $1"
    [row] = await connection.fetch(query, user_id)
    return tuple(row)


async def stored(connection: asyncpg.Connection, user_id: UUID) -> tuple[int, ...]:
    query = """
    SELECT (SELECT count(*) FROM user_events WHERE user_id = $1),
        (SELECT coalesce(sum(length(encrypted_event)), 0) FROM user_events WHERE user_id = $1)
        + (SELECT coalesce(sum(length(encrypted_payload)), 0) FROM shared_items WHERE user_id = $1)
    """
    [row] = await connection.fetch(query, user_id)
    return tuple(row)


class TestStore:
    async def test_recounts_before_rejecting(
        self, pool: Database, connection: asyncpg.Connection
    ) -> None:
        [user_id] = await many_users(connection, 1)
        events = EventRepository(pool)
        await events.put(user_id, Event(uuid4(), b"x", IV, SOON))
        await connection.execute(
            "UPDATE user_event_clocks SET events = $2, counted = '-infinity' WHERE user_id = $1",
            user_id,
            MAX_EVENTS,
        )
        await events.put(user_id, Event(uuid4(), b"x", IV, SOON))
        assert await counted(connection, user_id) == (2, 2)

    async def test_raises_not_found_for_user_deleted_meanwhile(
        self, pool: Database, connection: asyncpg.Connection
    ) -> None:
        [user_id] = await many_users(connection, 1)
        puts: list[UUID] = []

        async def put() -> None:
            """Find no room; the second time, delete the user."""
            puts.append(user_id)
            if len(puts) == 2:
                await connection.execute("DELETE FROM users WHERE id = $1", user_id)

        with pytest.raises(NotFound):
            await UsageRepository(pool).store(user_id, put, quota="nothing")
        assert len(puts) == 2


class TestUsage:
    async def test_stays_exact_under_concurrent_writes_and_sweeps(
        self, pool: Database, connection: asyncpg.Connection
    ) -> None:
        [user_id] = await many_users(connection, 1)
        events, shares, system = (
            EventRepository(pool),
            ShareRepository(pool),
            SystemRepository(pool),
        )
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
                await connection.execute(
                    "DELETE FROM user_events WHERE id = $1", chance.choice(ids)
                )

        await asyncio.gather(*(write() for _ in range(6)), delete())
        assert await counted(connection, user_id) == await stored(connection, user_id)
        # Also with writes one after the other.
        await events.put(user_id, Event(ids[0], b"new", IV, datetime.now(UTC) + timedelta(hours=1)))
        await events.put(
            user_id, Event(ids[0], b"larger", IV, datetime.now(UTC) + timedelta(hours=1))
        )
        await connection.execute("DELETE FROM user_events WHERE id = $1", ids[0])
        assert await counted(connection, user_id) == await stored(connection, user_id)
        await connection.execute(
            "UPDATE user_event_clocks SET counted = '-infinity', events = 99, bytes = 0"
        )
        await UsageRepository(pool).recount(user_id, is_wrong=False)
        assert await counted(connection, user_id) == await stored(connection, user_id)
