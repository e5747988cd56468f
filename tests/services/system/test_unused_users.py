"""Removal of unused users, and of no others."""

from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from server.libraries.database.pool import Database
from server.libraries.database.schema import metadata
from server.services.system.cleanup import sweep
from server.services.system.repository import SystemRepository
from server.services.system.retention import KEEPS
from tests.services.system.rows import EVENTS, SHARED_ITEMS, add_user

MILESTONE = "UPDATE milestones SET time = now() - $1::text::interval WHERE name = 'bounds'"
CREATED = "UPDATE users SET created = now() - interval '1 year'"
# Rows that are useless without their owner or without other rows.
DOES_NOT_KEEP = {
    "exercise_sessions",
    "exercises",
    "push_endpoints",
    "request_keys",
    "user_event_clocks",
    "user_event_deletions",
    "user_follow_secrets",
    "user_inbox_items",
    "workout_clocks",
    "workout_days",
    "workout_deletions",
    "workout_exercises",
    "workout_sets",
}

DATA = {
    "a username": "UPDATE users SET username = 'Ann', username_key = 'ann' WHERE id = $1",
    "a workout": "INSERT INTO workouts VALUES"
    " ($1, gen_random_uuid(), '2020-01-01', 'Run', 'run', 30, '', now())",
    "a session": "INSERT INTO sessions VALUES"
    " ($1, gen_random_uuid(), now(), now() + interval '1 hour')",
    "an identity": "INSERT INTO identities VALUES ('forwarded', 'ann', $1)",
    "an access key": "INSERT INTO access_keys VALUES"
    " ($1, gen_random_uuid(), '', 'key', '{feed}', now(), now() + interval '1 hour')",
    "an access key that does not expire": "INSERT INTO access_keys VALUES"
    " ($1, gen_random_uuid(), '', 'key', '{feed}', now())",
    "a backup": "WITH object AS (INSERT INTO backup_objects (id, user_id)"
    " VALUES (gen_random_uuid(), $1) RETURNING id) INSERT INTO backups (user_id, id, created,"
    " object_id) SELECT $1, gen_random_uuid(), now(), id FROM object",
}


@pytest.fixture
async def system(pool: Database, connection: asyncpg.Connection) -> AsyncIterator[SystemRepository]:
    """Return the repository of a database that has recorded activity for long."""
    await connection.execute(MILESTONE, "91 days")
    yield SystemRepository(pool)
    await connection.execute(MILESTONE, "0 days")


async def unused(connection: asyncpg.Connection, inactive_for: str = "91 days") -> UUID:
    user_id = await add_user(connection, inactive_for)
    await connection.execute(CREATED)
    return user_id


async def users(connection: asyncpg.Connection) -> set[UUID]:
    return {row[0] for row in await connection.fetch("SELECT id FROM users")}


class TestUnusedUsers:
    async def test_removes_user_inactive_for_90_days_without_data(
        self, system: SystemRepository, connection: asyncpg.Connection
    ) -> None:
        inactive, active = await unused(connection), await unused(connection, "89 days")
        for statement in (EVENTS, SHARED_ITEMS):
            await connection.execute(statement, inactive, "yesterday", "expired", 1)
        await connection.execute(
            "INSERT INTO user_follow_secrets VALUES (gen_random_uuid(), $1, 'secret')", inactive
        )
        await connection.execute(
            "INSERT INTO user_inbox_items VALUES (gen_random_uuid(), $1, '{}')", inactive
        )
        await connection.execute(
            "INSERT INTO access_keys VALUES"
            " ($1, gen_random_uuid(), '', 'key', '{feed}', now(), now() - interval '1 hour')",
            inactive,
        )
        assert await sweep(system) == 3
        assert await users(connection) == {active}
        assert await sweep(system) == 0

    @pytest.mark.parametrize("thing", DATA)
    async def test_keeps_user_with_data(
        self, system: SystemRepository, connection: asyncpg.Connection, thing: str
    ) -> None:
        user_id = await unused(connection)
        await connection.execute(DATA[thing], user_id)
        assert await sweep(system) == 0
        assert await users(connection) == {user_id}

    @pytest.mark.parametrize("statement", [EVENTS, SHARED_ITEMS], ids=["event", "shared item"])
    async def test_keeps_user_with_readable_data(
        self, system: SystemRepository, connection: asyncpg.Connection, statement: str
    ) -> None:
        user_id = await unused(connection)
        await connection.execute(statement, user_id, "tomorrow", "valid", 1)
        assert await sweep(system) == 0
        assert await users(connection) == {user_id}

    async def test_keeps_everybody_before_activity_is_known_for_90_days(
        self, system: SystemRepository, connection: asyncpg.Connection
    ) -> None:
        user_id = await unused(connection, "10 years")
        await connection.execute(MILESTONE, "89 days")
        assert await sweep(system) == 0
        assert await users(connection) == {user_id}

    def test_every_table_of_users_is_classified(self) -> None:
        owned = {
            table.name
            for table in metadata.tables.values()
            if any(key.column.table.name == "users" for key in table.foreign_keys)
        }
        assert owned == {table.name for table, _ in KEEPS} | DOES_NOT_KEEP
