"""When people were there last is written now and then, and no finer than to the hour."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from server.database.engine import Database
from server.errors import Unavailable
from server.user.last_accessed import LastAccessed
from server.user.repository import UserRepository
from tests.system.rows import add_user


class Users(UserRepository):
    """Counts what is written; `away` is whether the database is out of reach."""

    def __init__(self, pool: Database) -> None:
        super().__init__(pool)
        self.batches: list[set[UUID]] = []
        self.away = False

    async def seen(self, ids: Collection[UUID]) -> None:
        if self.away:
            raise Unavailable("Try again.", reason="DATABASE_UNAVAILABLE")
        self.batches.append(set(ids))
        await super().seen(ids)


@pytest.fixture
async def users(pool: Database) -> Users:
    return Users(pool)


async def unseen_for(connection: asyncpg.Connection, user_id: UUID) -> timedelta:
    """How long ago the user was there, for all that is written."""
    query = "SELECT now() - last_accessed FROM users WHERE id = $1"
    ago = await connection.fetchval(query, user_id)
    assert isinstance(ago, timedelta)
    return ago


async def test_it_is_written_for_those_who_were_seen(
    users: Users, connection: asyncpg.Connection
) -> None:
    ann, bob = [await add_user(connection, "3 days") for _ in range(2)]
    last_accessed = LastAccessed(users)
    last_accessed.saw(ann)
    await last_accessed.write()
    assert await unseen_for(connection, ann) < timedelta(minutes=1)
    assert await unseen_for(connection, bob) >= timedelta(days=3)


async def test_many_are_one_batch_and_each_is_in_it_once(
    users: Users, connection: asyncpg.Connection
) -> None:
    people = {await add_user(connection, "3 days") for _ in range(5)}
    last_accessed = LastAccessed(users)
    for person in [*people, *people]:
        last_accessed.saw(person)
    assert users.batches == []
    await last_accessed.write()
    assert users.batches == [people]
    for person in people:
        assert await unseen_for(connection, person) < timedelta(minutes=1)


async def test_nobody_was_seen_so_nothing_is_written(users: Users) -> None:
    last_accessed = LastAccessed(users)
    await last_accessed.write()
    last_accessed.saw(uuid4())
    await last_accessed.write()
    await last_accessed.write()
    assert len(users.batches) == 1


async def test_within_the_hour_no_row_is_written(
    users: Users, connection: asyncpg.Connection
) -> None:
    recent = await add_user(connection, "59 minutes")
    before_that = await add_user(connection, "61 minutes")
    await users.seen([recent, before_that])
    assert await unseen_for(connection, recent) >= timedelta(minutes=59)
    assert await unseen_for(connection, before_that) < timedelta(minutes=1)


async def test_it_is_kept_while_the_database_is_away(
    users: Users, connection: asyncpg.Connection
) -> None:
    ann, bob = [await add_user(connection, "3 days") for _ in range(2)]
    last_accessed = LastAccessed(users)
    users.away = True
    last_accessed.saw(ann)
    await last_accessed.write()
    last_accessed.saw(bob)
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
        await users.seen([ann, bob])
    assert await unseen_for(connection, ann) >= timedelta(days=3)
    assert await unseen_for(connection, bob) < timedelta(minutes=1)


async def test_somebody_who_is_gone_by_now_is_no_error(
    users: Users, connection: asyncpg.Connection
) -> None:
    ann = await add_user(connection, "3 days")
    await users.seen([uuid4(), ann])
    assert await unseen_for(connection, ann) < timedelta(minutes=1)
