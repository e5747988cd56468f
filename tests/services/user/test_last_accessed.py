"""When people were there last is written now and then, and no finer than to the day."""

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
    """Counts what is written; `away` is whether the database is out of reach."""

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


async def unseen_for(connection: asyncpg.Connection, user_id: UUID) -> timedelta:
    """How long before the beginning of today, in UTC, the user was there; 0: today."""
    query = "SELECT date_trunc('day', now(), 'UTC') - last_accessed FROM users WHERE id = $1"
    ago = await connection.fetchval(query, user_id)
    assert isinstance(ago, timedelta)
    return ago


async def test_it_is_written_for_those_who_were_seen(
    users: Users, connection: asyncpg.Connection
) -> None:
    ann, bob = [await add_user(connection, "3 days") for _ in range(2)]
    last_accessed = LastAccessed(users)
    last_accessed.touch(ann)
    await last_accessed.write()
    assert await unseen_for(connection, ann) < timedelta(minutes=1)
    assert await unseen_for(connection, bob) >= timedelta(days=2)


async def test_many_are_one_batch_and_each_is_in_it_once(
    users: Users, connection: asyncpg.Connection
) -> None:
    people = {await add_user(connection, "3 days") for _ in range(5)}
    last_accessed = LastAccessed(users)
    for person in [*people, *people]:
        last_accessed.touch(person)
    assert users.batches == []
    await last_accessed.write()
    assert users.batches == [people]
    for person in people:
        assert await unseen_for(connection, person) < timedelta(minutes=1)


async def test_nobody_was_seen_so_nothing_is_written(users: Users) -> None:
    last_accessed = LastAccessed(users)
    await last_accessed.write()
    last_accessed.touch(uuid4())
    await last_accessed.write()
    await last_accessed.write()
    assert len(users.batches) == 1


async def test_within_the_day_no_row_is_written(
    users: Users, connection: asyncpg.Connection
) -> None:
    ann = await add_user(connection, "3 days")
    await users.touch([ann])
    version = "SELECT xmin FROM users WHERE id = $1"
    written = await connection.fetchval(version, ann)
    await users.touch([ann])
    assert await connection.fetchval(version, ann) == written


async def test_what_is_written_reveals_the_day_alone(
    client: Client, database: asyncpg.Connection
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
        seen = row["last_accessed"].astimezone(UTC)
        assert seen.time() == time()
        assert datetime.now(UTC) - seen < timedelta(days=2)


async def test_it_is_kept_while_the_database_is_away(
    users: Users, connection: asyncpg.Connection
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
    assert await unseen_for(connection, ann) < timedelta(minutes=1)


async def test_a_row_that_somebody_writes_is_passed_over(
    users: Users, connection: asyncpg.Connection, pool: Database
) -> None:
    ann, bob = [await add_user(connection, "3 days") for _ in range(2)]
    async with connection.transaction():
        await connection.execute("UPDATE users SET encrypted_name = 'x' WHERE id = $1", ann)
        await users.touch([ann, bob])
    assert await unseen_for(connection, ann) >= timedelta(days=2)
    assert await unseen_for(connection, bob) < timedelta(minutes=1)


async def test_somebody_who_is_gone_by_now_is_no_error(
    users: Users, connection: asyncpg.Connection
) -> None:
    ann = await add_user(connection, "3 days")
    await users.touch([uuid4(), ann])
    assert await unseen_for(connection, ann) < timedelta(minutes=1)
