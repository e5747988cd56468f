"""The SQL statements that read events: results and costs that a client does not see."""

import json
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from server.libraries.database.migrations import migrate
from server.libraries.database.pool import Database
from server.libraries.database.statement import Statement
from server.services.credentials.password_hashing import HashedPassword
from server.services.event.cursor import BEGINNING, LAST_ID
from server.services.event.read_statements import EVENT_BYTES, GET_CHANGES, GET_INVALID_SECRETS
from server.services.user.repository import UserRepository

HASHED = HashedPassword("0" * 128, bytes(64))
WATCHERS = 50
BACKLOG = 2000
ADD_EVENTS = """
INSERT INTO user_events
    (user_id, id, timestamp, last_accessed, expiry, encrypted_event, encryption_iv)
SELECT $1, gen_random_uuid(), now() - i * interval '1 second', now(), now() + interval '1 day',
    '\\x00', '\\x00'
FROM generate_series(1, $2::int) i
"""


async def add_user(connection: asyncpg.Connection, database: Database, secrets: list[str]) -> UUID:
    user_id = uuid4()
    await UserRepository(database).create(user_id, HASHED)
    await connection.executemany(
        "INSERT INTO user_follow_secrets (id, user_id, value) VALUES ($1, $2, $3)",
        [(uuid4(), user_id, secret) for secret in secrets],
    )
    return user_id


def rows_read(plan: dict[str, Any], table: str) -> float:
    """Return the rows that a plan reads from a table, those it drops included."""
    own = 0.0
    if plan.get("Relation Name") == table:
        removed = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Join Filter", 0)
        own = (plan["Actual Rows"] + removed) * plan["Actual Loops"]
    return own + sum(rows_read(one, table) for one in plan.get("Plans", ()))


async def explain(
    connection: asyncpg.Connection, statement: Statement, **values: object
) -> dict[str, Any]:
    """Run a statement and return its plan."""
    sql, arguments = statement.sql, statement.arguments(values)
    explained = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", *arguments)
    plan: dict[str, Any] = json.loads(explained)[0]["Plan"]
    return plan


class TestGetChanges:
    async def test_reads_no_more_of_a_backlog_than_may_fit(self, empty_database: str) -> None:
        await migrate(empty_database, None, lambda _: None)
        connection = await asyncpg.connect(empty_database)
        async with Database(empty_database, pool_size=1) as database:
            user = await add_user(connection, database, ["right"])
        await connection.execute(ADD_EVENTS, user, BACKLOG)
        await connection.execute("ANALYZE user_events")
        values = {
            "user_ids": [user],
            "secrets": ["right"],
            "times": [BEGINNING],
            "positions": [LAST_ID],
            "beginnings": [BEGINNING],
            "max_bytes": 10 * EVENT_BYTES,
        }
        rows = await connection.fetch(GET_CHANGES.sql, *GET_CHANGES.arguments(values))
        plan = await explain(connection, GET_CHANGES, **values)
        await connection.close()
        # Each is a byte larger.
        assert len(rows) == 10
        assert rows[0]["total"] > 10
        assert rows_read(plan, "user_events") < 20

    @pytest.mark.parametrize("prefix", ["right", "wrong"])
    async def test_reads_only_the_secrets_of_the_call(
        self, empty_database: str, prefix: str
    ) -> None:
        await migrate(empty_database, None, lambda _: None)
        connection = await asyncpg.connect(empty_database)
        async with Database(empty_database, pool_size=1) as database:
            user = await add_user(connection, database, [f"right {one}" for one in range(BACKLOG)])
        plan = await explain(
            connection,
            GET_CHANGES,
            user_ids=[user] * WATCHERS,
            secrets=[f"{prefix} {number}" for number in range(WATCHERS)],
            times=[BEGINNING] * WATCHERS,
            positions=[LAST_ID] * WATCHERS,
            beginnings=[BEGINNING] * WATCHERS,
            max_bytes=10 * EVENT_BYTES,
        )
        await connection.close()
        assert rows_read(plan, "user_follow_secrets") <= WATCHERS


class TestInvalidSecrets:
    async def test_reads_each_secret_once_for_many_watchers_of_a_user(
        self, empty_database: str
    ) -> None:
        await migrate(empty_database, None, lambda _: None)
        connection = await asyncpg.connect(empty_database)
        right = [f"right {number}" for number in range(WATCHERS)]
        async with Database(empty_database, pool_size=1) as database:
            user = await add_user(connection, database, right)
            other = await add_user(connection, database, ["another's"])
        entries = [(user, secret) for secret in right]
        wrong = [(user, "another's"), (other, "right 0"), (uuid4(), "right 1")]
        values = {
            "user_ids": [user_id for user_id, _ in entries + wrong],
            "secrets": [secret for _, secret in entries + wrong],
        }
        found = await connection.fetch(GET_INVALID_SECRETS.sql, *values.values())
        plan = await explain(connection, GET_INVALID_SECRETS, **values)
        await connection.close()
        assert {tuple(row) for row in found} == set(wrong)
        assert rows_read(plan, "user_follow_secrets") == WATCHERS + 1
