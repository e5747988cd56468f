"""InboxRepository: leases in full inboxes, and concurrent callers."""

import asyncio
import datetime as dt
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import UUID

import asyncpg
import pytest
from gymlocker.v2 import inbox_pb2

from server.errors import ResourceExhausted
from server.libraries.database.pool import Database
from server.services.inbox.repository import InboxRepository
from server.services.inbox.statements import LEASE_MESSAGES
from tests.services.inbox.leases import end_leases
from tests.support.client import many_users
from tests.support.waiting import eventually_true

LEASE = dt.timedelta(minutes=1)


@pytest.fixture
async def pool(housekeeping: str) -> AsyncIterator[Database]:
    """Yield a connection pool that is large enough for all concurrent callers."""
    async with Database(housekeeping, pool_size=20) as pool:
        yield pool


@pytest.fixture
async def owner(connection: asyncpg.Connection) -> UUID:
    [user_id] = await many_users(connection, 1)
    return user_id


def _ids(messages: list[inbox_pb2.LeasedInboxMessage]) -> list[UUID]:
    return [UUID(message.id) for message in messages]


async def _texts(connection: asyncpg.Connection, owner: UUID) -> list[bytes]:
    """Return the first chunk of each message in the inbox, oldest first."""
    query = "SELECT encrypted_message[1] FROM user_inbox_items WHERE user_id = $1 ORDER BY received"
    return [row[0] for row in await connection.fetch(query, owner)]


class TestPut:
    """Messages into an inbox that is full of leased messages."""

    async def test_counts_leased_messages(
        self, pool: Database, owner: UUID, connection: asyncpg.Connection
    ) -> None:
        inbox = InboxRepository(pool, max_messages=3)
        for text in (b"a", b"b", b"c"):
            await inbox.put(owner, [text], b"network")
        await inbox.lease(owner, LEASE, 3)
        with pytest.raises(ResourceExhausted):
            await inbox.put(owner, [b"d"], b"network")
        await inbox.put(owner, [b"e"], b"another network")
        assert await _texts(connection, owner) == [b"a", b"b", b"e"]

    async def test_drops_leased_messages_last(
        self, pool: Database, owner: UUID, connection: asyncpg.Connection
    ) -> None:
        inbox = InboxRepository(pool, max_messages=4)
        for text in (b"a", b"b", b"c", b"d"):
            await inbox.put(owner, [text], b"network")
        # Of a and b, the leases have ended.
        await inbox.lease(owner, LEASE, 2)
        await end_leases(connection, str(owner))
        await connection.execute(
            """
            UPDATE user_inbox_items SET leased_until = now() + interval '1 minute'
            WHERE user_id = $1 AND encrypted_message[1] IN ('c', 'd')
            """,
            owner,
        )
        left = [[b"a", b"c", b"d", b"1"], [b"c", b"d", b"1", b"2"], [b"c", b"1", b"2", b"3"]]
        for number, texts in enumerate(left, 1):
            await inbox.put(owner, [b"%d" % number], b"%d" % number)
            assert await _texts(connection, owner) == texts


class TestAcknowledge:
    @pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
    async def test_waits_for_a_lease_under_way(
        self, pool: Database, owner: UUID, connection: asyncpg.Connection, end: str
    ) -> None:
        inbox = InboxRepository(pool, max_messages=0)
        await inbox.put(owner, [b"message"], None)
        ids = _ids(await inbox.lease(owner, LEASE, 1))
        await end_leases(connection, str(owner))
        await connection.execute("BEGIN")
        arguments = LEASE_MESSAGES.arguments(
            {"owner_id": owner, "duration": LEASE, "max_messages": 1}
        )
        await connection.fetch(LEASE_MESSAGES.sql, *arguments)
        acknowledging = asyncio.create_task(inbox.acknowledge(owner, ids))
        await eventually_true(lambda: _is_waiting(connection))
        await connection.execute(end)
        await acknowledging
        assert await _texts(connection, owner) == []

    async def test_does_not_deadlock(
        self, pool: Database, owner: UUID, connection: asyncpg.Connection
    ) -> None:
        inbox = InboxRepository(pool, max_messages=30)
        for number in range(30):
            await inbox.put(owner, [bytes(1000)], b"%d" % (number % 3))
        ids = _ids(await inbox.lease(owner, LEASE, 30))
        await end_leases(connection, str(owner))

        async def acknowledge(chance: random.Random) -> None:
            for _ in range(10):
                await inbox.acknowledge(owner, chance.sample(ids, 20))

        async def put(network: bytes) -> None:
            for _ in range(10):
                with suppress(ResourceExhausted):
                    await inbox.put(owner, [bytes(1000)] * 10, network)

        async with asyncio.TaskGroup() as group:
            for number in range(4):
                group.create_task(acknowledge(random.Random(number)))
                group.create_task(put(b"%d" % number))
                group.create_task(inbox.lease(owner, LEASE, 30))
                group.create_task(inbox.take(owner))
        await inbox.acknowledge(owner, ids)
        left = {row[0] for row in await connection.fetch("SELECT id FROM user_inbox_items")}
        assert not left & set(ids)


async def _is_waiting(connection: asyncpg.Connection) -> bool:
    """Check whether a statement waits for the transaction of this connection."""
    query = (
        "SELECT EXISTS (SELECT FROM pg_locks WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid)))"
    )
    return bool(await connection.fetchval(query))
