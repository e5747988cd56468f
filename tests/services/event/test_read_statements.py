"""The SQL statements that read events: results and costs that a client does not see."""

import json
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from server.libraries.database.migrations import migrate
from server.libraries.database.pool import Database
from server.services.credentials.password_hashing import HashedPassword
from server.services.event.read_statements import GET_INVALID_SECRETS
from server.services.user.repository import UserRepository

HASHED = HashedPassword("0" * 128, bytes(64))
WATCHERS = 50


async def add_user(connection: asyncpg.Connection, database: Database, secrets: list[str]) -> UUID:
    user_id = uuid4()
    await UserRepository(database).create(user_id, HASHED)
    await connection.executemany(
        "INSERT INTO user_follow_secrets (id, user_id, value) VALUES ($1, $2, $3)",
        [(uuid4(), user_id, secret) for secret in secrets],
    )
    return user_id


def rows_read(plan: dict[str, Any]) -> float:
    """Return the rows that a plan reads from the table of secrets, those it drops included."""
    own = 0.0
    if plan.get("Relation Name") == "user_follow_secrets":
        removed = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Join Filter", 0)
        own = (plan["Actual Rows"] + removed) * plan["Actual Loops"]
    return own + sum(map(rows_read, plan.get("Plans", ())))


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
        sql, arguments = GET_INVALID_SECRETS.sql, GET_INVALID_SECRETS.arguments(values)
        found = await connection.fetch(sql, *arguments)
        explained = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", *arguments)
        await connection.close()
        assert {tuple(row) for row in found} == set(wrong)
        assert rows_read(json.loads(explained)[0]["Plan"]) == WATCHERS + 1
