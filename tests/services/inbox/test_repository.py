"""InboxRepository: limits of an inbox, and concurrent callers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import UUID

import asyncpg
import pytest

from server.errors import ResourceExhausted
from server.libraries.database.pool import Database
from server.services.inbox.repository import InboxRepository
from server.services.inbox.statements import MAX_INBOX_BYTES
from tests.support.client import many_users


@pytest.fixture
async def pool(housekeeping: str) -> AsyncIterator[Database]:
    """Yield a connection pool that is large enough for all concurrent writers."""
    async with Database(housekeeping, pool_size=20) as pool:
        yield pool


async def fill(
    connection: asyncpg.Connection, user_id: UUID, network: bytes | None, sizes: list[int]
) -> None:
    """Store messages of these sizes, which do not compress."""
    await connection.executemany(
        """
        INSERT INTO user_inbox_items (id, user_id, encrypted_message, network)
        SELECT gen_random_uuid(), $1, ARRAY[string_agg(sha512(i::text::bytea), '')], $2
        FROM generate_series(1, $3::int / 64) AS i
        """,
        [(user_id, network, size) for size in sizes],
    )


async def waiting(connection: asyncpg.Connection, user_id: UUID) -> dict[bytes | None, int]:
    """Return the number of waiting messages of each network."""
    query = "SELECT network, count(*) FROM user_inbox_items WHERE user_id = $1 GROUP BY network"
    return {row[0]: row[1] for row in await connection.fetch(query, user_id)}


class TestPut:
    async def test_limits_the_size_of_an_inbox(
        self, pool: Database, connection: asyncpg.Connection
    ) -> None:
        [user_id] = await many_users(connection, 1)
        mebibyte = 2**20
        await fill(connection, user_id, b"large", [4 * mebibyte] * 3 + [3 * mebibyte])
        await fill(connection, user_id, b"small", [1024] * 20)
        inbox = InboxRepository(pool, max_messages=1000)
        await inbox.put(user_id, [bytes(1024)] * 20, b"new")
        assert await waiting(connection, user_id) == {b"large": 4, b"small": 20, b"new": 1}
        await fill(connection, user_id, b"large", [mebibyte])
        with pytest.raises(ResourceExhausted):
            await inbox.put(user_id, [bytes(1024)] * 20, b"large")
        await inbox.put(user_id, [bytes(1024)] * 20, b"small")
        assert await waiting(connection, user_id) == {b"large": 4, b"small": 21, b"new": 1}
        query = (
            "SELECT sum(pg_column_size(encrypted_message)) FROM user_inbox_items WHERE user_id = $1"
        )
        assert await connection.fetchval(query, user_id) <= MAX_INBOX_BYTES

    async def test_does_not_grow_an_inbox_over_the_limit(
        self, pool: Database, connection: asyncpg.Connection
    ) -> None:
        [user_id] = await many_users(connection, 1)
        await fill(connection, user_id, None, [64] * 10)
        inbox = InboxRepository(pool, max_messages=3)
        for number in range(4):
            await inbox.put(user_id, [b"x"], b"%d" % number)
        found = await waiting(connection, user_id)
        assert found == {None: 6, b"0": 1, b"1": 1, b"2": 1, b"3": 1}

    async def test_does_not_deadlock_with_take(
        self, pool: Database, connection: asyncpg.Connection
    ) -> None:
        [user_id] = await many_users(connection, 1)
        inbox = InboxRepository(pool, max_messages=10)

        async def write(network: bytes) -> None:
            for _ in range(10):
                with suppress(ResourceExhausted):
                    await inbox.put(user_id, [b"x" * 100], network)

        async with asyncio.TaskGroup() as group:
            for number in range(12):
                group.create_task(write(b"%d" % number))
        # Each concurrent writer may take the last place.
        assert 10 <= sum((await waiting(connection, user_id)).values()) <= 10 + 12
        async with asyncio.TaskGroup() as group:
            for number in range(6):
                group.create_task(write(b"%d" % number))
                group.create_task(inbox.take(user_id))
        await inbox.take(user_id)
        assert await waiting(connection, user_id) == {}

    async def test_stores_any_number_without_a_limit(
        self, pool: Database, connection: asyncpg.Connection
    ) -> None:
        [user_id] = await many_users(connection, 1)
        inbox = InboxRepository(pool, max_messages=0)
        for _ in range(20):
            await inbox.put(user_id, [b"x"], b"one")
        assert await waiting(connection, user_id) == {b"one": 20}
