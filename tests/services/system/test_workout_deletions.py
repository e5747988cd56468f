"""Removal of deletions of workouts after 90 days."""

import asyncio
from uuid import UUID, uuid4

import asyncpg
import pytest

from server.errors import OutOfRange
from server.libraries.database.pool import Database
from server.services.system.cleanup import sweep
from server.services.system.repository import SystemRepository
from server.services.workout.changes_repository import ChangesRepository, Cursor
from tests.services.system.rows import add_user

DELETION = """
INSERT INTO workout_deletions (user_id, id, revision, deleted)
VALUES ($1, $2, next_workout_revision($1), now() - $3::text::interval)
"""
WORKOUT = """
INSERT INTO workouts (user_id, id, date, type, type_key, duration, notes, created)
VALUES ($1, $2, '2026-02-07', 'Run', 'run', 30, '', now())
"""


@pytest.fixture
async def system(pool: Database) -> SystemRepository:
    return SystemRepository(pool)


async def deleted(connection: asyncpg.Connection, *ages: str) -> UUID:
    """Insert a user with deletions of these ages, of revisions from 1 on."""
    user_id = await add_user(connection)
    for age in ages:
        await connection.execute(DELETION, user_id, uuid4(), age)
    return user_id


async def left(connection: asyncpg.Connection, user_id: UUID) -> list[int]:
    """Return the revisions of the remaining deletions."""
    query = "SELECT revision FROM workout_deletions WHERE user_id = $1 ORDER BY revision"
    return [row["revision"] for row in await connection.fetch(query, user_id)]


async def clock(connection: asyncpg.Connection, user_id: UUID) -> tuple[int, int]:
    """Return the newest revision of a user, and the newest one that was pruned."""
    query = "SELECT revision, pruned FROM workout_clocks WHERE user_id = $1"
    row = await connection.fetchrow(query, user_id)
    assert row is not None
    return row["revision"], row["pruned"]


class TestDeletions:
    async def test_are_removed_after_90_days(
        self, system: SystemRepository, connection: asyncpg.Connection
    ) -> None:
        some = await deleted(connection, "92 days", "91 days", "89 days", "0 days")
        every = await deleted(connection, "91 days")
        none = await deleted(connection, "89 days")
        assert await sweep(system) == 3
        assert [await left(connection, each) for each in (some, every, none)] == [[3, 4], [], [1]]
        assert [await clock(connection, each) for each in (some, every, none)] == [
            (4, 2),
            (1, 1),
            (1, 0),
        ]
        assert await sweep(system) == 0

    async def test_never_lower_what_was_pruned(
        self, system: SystemRepository, connection: asyncpg.Connection
    ) -> None:
        user_id = await deleted(connection, "91 days", "0 days")
        await connection.execute("UPDATE workout_clocks SET pruned = 2")
        assert await sweep(system) == 1
        assert await clock(connection, user_id) == (2, 2)

    async def test_are_removed_oldest_first_in_batches(
        self, system: SystemRepository, connection: asyncpg.Connection
    ) -> None:
        user_id = await deleted(connection, *(f"{100 - n} days" for n in range(7)))
        other = await deleted(connection, "91 days")
        removed = [await system.sweep(3)]
        assert await left(connection, user_id) == [4, 5, 6, 7]
        assert await clock(connection, user_id) == (7, 3)
        removed += [await system.sweep(3) for _ in range(3)]
        assert removed == [3, 3, 2, 0]
        assert (await left(connection, user_id), await left(connection, other)) == ([], [])
        assert (await clock(connection, user_id), await clock(connection, other)) == (
            (7, 7),
            (1, 1),
        )

    async def test_skip_user_with_write_in_progress(
        self, system: SystemRepository, connection: asyncpg.Connection
    ) -> None:
        busy, idle = [await deleted(connection, "91 days") for _ in range(2)]
        async with connection.transaction():
            await connection.execute("SELECT next_workout_revision($1)", busy)
            assert await sweep(system) == 1
        assert (await left(connection, busy), await left(connection, idle)) == ([1], [])
        assert await sweep(system) == 1
        assert await clock(connection, busy) == (2, 1)

    async def test_stay_if_workout_was_deleted_again(
        self, system: SystemRepository, connection: asyncpg.Connection
    ) -> None:
        user_id, workout_id = await add_user(connection), uuid4()
        await connection.execute(DELETION, user_id, workout_id, "91 days")
        await connection.execute(WORKOUT, user_id, workout_id)
        await connection.execute("DELETE FROM workouts WHERE user_id = $1", user_id)
        assert await sweep(system) == 0
        assert await left(connection, user_id) == [3]

    async def test_are_removed_while_workouts_are_deleted(
        self, system: SystemRepository, pool: Database, connection: asyncpg.Connection
    ) -> None:
        users = [await deleted(connection, *["91 days"] * 20) for _ in range(3)]

        async def write(user_id: UUID) -> None:
            async with pool._pool.acquire() as own:
                for _ in range(30):
                    await own.execute(WORKOUT, user_id, uuid4())
                    await own.execute("DELETE FROM workouts WHERE user_id = $1", user_id)

        writing = asyncio.gather(*map(write, users))
        while any([set(await left(connection, each)) & set(range(1, 21)) for each in users]):
            await system.sweep(4)
        await writing
        for user_id in users:
            assert len(await left(connection, user_id)) == 30
            assert await clock(connection, user_id) == (80, 20)


class TestCursors:
    async def test_expire_with_the_deletions_after_them(
        self, system: SystemRepository, pool: Database, connection: asyncpg.Connection
    ) -> None:
        changes = ChangesRepository(pool)
        user_id = await deleted(connection, "92 days", "91 days", "0 days")
        await sweep(system)
        first = await changes.get(user_id, Cursor(2), 10, 1000)
        assert len(first.changes) == 1
        for revision in (0, 1):
            with pytest.raises(OutOfRange, match="too old"):
                await changes.get(user_id, Cursor(revision), 10, 1000)
        assert len((await changes.get(user_id, None, 10, 1000)).changes) == 1
