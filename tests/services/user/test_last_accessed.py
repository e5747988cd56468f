"""`last_accessed` of users, which is written in batches and rounded to the day."""

from collections.abc import Collection
from datetime import UTC, datetime, time, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from server.errors import Unavailable
from server.libraries.database.pool import Database
from server.services.user.last_accessed import LastAccessed
from server.services.user.repository import UserRepository
from tests.services.system.rows import add_user
from tests.support.client import Client, event_of, update_of


class Users(UserRepository):
    """Repository that records its writes; `away` if the database is unavailable."""

    def __init__(self, pool: Database) -> None:
        super().__init__(pool)
        self.batches: list[set[UUID]] = []
        self.away = False

    async def touch(self, ids: Collection[UUID]) -> None:
        if self.away:
            raise Unavailable("Try again.", reason="DATABASE_UNAVAILABLE")
        self.batches.append(set(ids))
        await super().touch(ids)


@pytest.fixture
async def users(pool: Database) -> Users:
    return Users(pool)


async def days_since_access(connection: asyncpg.Connection, user_id: UUID) -> timedelta:
    """Return the time from the last access to the beginning of today, in UTC; 0: today."""
    query = "SELECT date_trunc('day', now(), 'UTC') - last_accessed FROM users WHERE id = $1"
    ago = await connection.fetchval(query, user_id)
    assert isinstance(ago, timedelta)
    return ago


class TestLastAccessed:
    async def test_writes_users_who_called(
        self, users: Users, connection: asyncpg.Connection
    ) -> None:
        ann, bob = [await add_user(connection, "3 days") for _ in range(2)]
        last_accessed = LastAccessed(users)
        last_accessed.touch(ann)
        await last_accessed.write()
        assert await days_since_access(connection, ann) < timedelta(minutes=1)
        assert await days_since_access(connection, bob) >= timedelta(days=2)

    async def test_writes_each_user_once_in_one_batch(
        self, users: Users, connection: asyncpg.Connection
    ) -> None:
        people = {await add_user(connection, "3 days") for _ in range(5)}
        last_accessed = LastAccessed(users)
        for person in [*people, *people]:
            last_accessed.touch(person)
        assert users.batches == []
        await last_accessed.write()
        assert users.batches == [people]
        for person in people:
            assert await days_since_access(connection, person) < timedelta(minutes=1)

    async def test_writes_nothing_if_no_user_called(self, users: Users) -> None:
        last_accessed = LastAccessed(users)
        await last_accessed.write()
        last_accessed.touch(uuid4())
        await last_accessed.write()
        await last_accessed.write()
        assert len(users.batches) == 1

    async def test_keeps_users_while_the_database_is_unavailable(
        self, users: Users, connection: asyncpg.Connection
    ) -> None:
        ann, bob = [await add_user(connection, "3 days") for _ in range(2)]
        last_accessed = LastAccessed(users)
        users.away = True
        last_accessed.touch(ann)
        await last_accessed.write()
        last_accessed.touch(bob)
        await last_accessed.write()
        users.away = False
        await last_accessed.write()
        assert users.batches == [{ann, bob}]
        assert await days_since_access(connection, ann) < timedelta(minutes=1)


class TestTouch:
    async def test_writes_no_row_twice_a_day(
        self, users: Users, connection: asyncpg.Connection
    ) -> None:
        ann = await add_user(connection, "3 days")
        await users.touch([ann])
        version = "SELECT xmin FROM users WHERE id = $1"
        written = await connection.fetchval(version, ann)
        await users.touch([ann])
        assert await connection.fetchval(version, ann) == written

    async def test_skips_row_that_is_being_changed(
        self, users: Users, connection: asyncpg.Connection
    ) -> None:
        ann, bob = [await add_user(connection, "3 days") for _ in range(2)]
        async with connection.transaction():
            await connection.execute("UPDATE users SET encrypted_name = 'x' WHERE id = $1", ann)
            await users.touch([ann, bob])
        assert await days_since_access(connection, ann) >= timedelta(days=2)
        assert await days_since_access(connection, bob) < timedelta(minutes=1)

    async def test_ignores_deleted_user(self, users: Users, connection: asyncpg.Connection) -> None:
        ann = await add_user(connection, "3 days")
        await users.touch([uuid4(), ann])
        assert await days_since_access(connection, ann) < timedelta(minutes=1)


class TestStoredTime:
    async def test_is_rounded_to_the_day(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        user = await client.new_user()
        await client.users.UpdateUser(update_of(user))
        await client.events.PutEvent(event_of(user))
        rows = await database.fetch(
            "SELECT last_accessed FROM users WHERE id = $1 "
            "UNION ALL SELECT last_accessed FROM user_events WHERE user_id = $1",
            UUID(user.id),
        )
        assert len(rows) == 2
        for row in rows:
            last_accessed = row["last_accessed"].astimezone(UTC)
            assert last_accessed.time() == time()
            assert datetime.now(UTC) - last_accessed < timedelta(days=2)
