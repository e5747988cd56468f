"""Retries of transactions after deadlocks and serialization failures."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from server.errors import Unavailable
from server.libraries.database.pool import ATTEMPTS, Connection, Database
from server.libraries.database.statement import Statement
from tests.libraries.database.conftest import CREATE
from tests.support.waiting import eventually_true


class Failing:
    """Statements that fail with `code` for the first `times` attempts."""

    def __init__(self, times: int, code: str) -> None:
        self.times = times
        self.code = code

    async def prepare(self, connection: asyncpg.Connection) -> None:
        # A sequence keeps its value when a transaction is rolled back.
        await connection.execute(
            "CREATE SEQUENCE attempts; CREATE FUNCTION attempt() RETURNS bigint AS $$ "
            "DECLARE number bigint := nextval('attempts'); BEGIN "
            f"IF number <= {self.times} THEN RAISE SQLSTATE '{self.code}'; END IF; "
            "RETURN number; END $$ LANGUAGE plpgsql"
        )


ATTEMPT = Statement(text("SELECT attempt() AS number"))
DEADLOCK, SERIALIZATION = "40P01", "40001"


class TestRetry:
    @pytest.mark.parametrize("code", [DEADLOCK, SERIALIZATION])
    async def test_statement_is_retried(
        self, database: Database, connection: asyncpg.Connection, code: str
    ) -> None:
        await Failing(ATTEMPTS - 1, code).prepare(connection)
        row = await database.fetch_one(ATTEMPT)
        assert row is not None
        assert row["number"] == ATTEMPTS

    async def test_transaction_is_retried_as_a_whole(
        self, database: Database, connection: asyncpg.Connection
    ) -> None:
        await connection.execute(CREATE)
        await Failing(ATTEMPTS - 1, DEADLOCK).prepare(connection)

        async def insert_and_attempt(inside: Connection) -> None:
            await inside.execute("INSERT INTO note VALUES (1, 'once')")
            await inside.execute(ATTEMPT.sql)

        await database.transact(insert_and_attempt)
        assert await connection.fetchval("SELECT count(*) FROM note") == 1

    @pytest.mark.parametrize("code", [DEADLOCK, SERIALIZATION])
    async def test_raises_unavailable_after_all_attempts(
        self, database: Database, connection: asyncpg.Connection, code: str
    ) -> None:
        await Failing(100, code).prepare(connection)
        with pytest.raises(Unavailable):
            await database.fetch_one(ATTEMPT)
        assert await connection.fetchval("SELECT last_value FROM attempts") == ATTEMPTS

    async def test_real_deadlock_is_resolved(
        self, database: Database, connection: asyncpg.Connection
    ) -> None:
        await connection.execute(f"{CREATE}; INSERT INTO note VALUES (1, ''), (2, '')")
        # Each statement locks one note and then waits for the other.
        both = [
            Statement(
                text(
                    "WITH mine AS MATERIALIZED"
                    f" (SELECT pg_advisory_xact_lock({mine}), pg_sleep(0.1)),"
                    f" theirs AS MATERIALIZED (SELECT pg_advisory_xact_lock({theirs}) FROM mine)"
                    " SELECT count(*) AS locks FROM theirs"
                )
            )
            for mine, theirs in ((1, 2), (2, 1))
        ]
        rows = await asyncio.gather(*(database.fetch_one(statement) for statement in both))
        assert [row["locks"] for row in rows if row] == [1, 1]
        query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        await eventually_count(lambda: connection.fetchval(query))


async def eventually_count(count: Callable[[], Coroutine[Any, Any, int]]) -> None:
    """Wait until PostgreSQL has counted something."""

    async def counted() -> bool:
        return await count() > 0

    await eventually_true(counted)
