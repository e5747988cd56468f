"""Users with secrets for statements that are run by themselves, and the plans of the statements."""

import json
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from server.libraries.database.pool import Database
from server.libraries.database.statement import Statement
from server.services.credentials.password_hashing import HashedPassword
from server.services.user.repository import UserRepository

HASHED = HashedPassword("0" * 128, bytes(64))


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
