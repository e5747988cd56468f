"""What loses against another transaction is done again, some times."""

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


class Losing:
    """Statements that lose against another transaction for some times."""

    def __init__(self, times: int, code: str) -> None:
        self.times = times
        self.code = code

    async def prepare(self, connection: asyncpg.Connection) -> None:
        # A sequence goes on although the transaction that took a number from it is undone.
        await connection.execute(
            "CREATE SEQUENCE attempts; CREATE FUNCTION attempt() RETURNS bigint AS $$ "
            "DECLARE number bigint := nextval('attempts'); BEGIN "
            f"IF number <= {self.times} THEN RAISE SQLSTATE '{self.code}'; END IF; "
            "RETURN number; END $$ LANGUAGE plpgsql"
        )


ATTEMPT = Statement(text("SELECT attempt() AS number"))
DEADLOCK, SERIALIZATION = "40P01", "40001"


@pytest.mark.parametrize("code", [DEADLOCK, SERIALIZATION])
async def test_a_lost_race_is_run_again(
    database: Database, connection: asyncpg.Connection, code: str
) -> None:
    await Losing(ATTEMPTS - 1, code).prepare(connection)
    row = await database.fetch_one(ATTEMPT)
    assert row is not None
    assert row["number"] == ATTEMPTS


async def test_a_transaction_that_lost_a_race_is_done_again_as_a_whole(
    database: Database, connection: asyncpg.Connection
) -> None:
    await connection.execute(CREATE)
    await Losing(ATTEMPTS - 1, DEADLOCK).prepare(connection)

    async def insert_and_attempt(inside: Connection) -> None:
        await inside.execute("INSERT INTO note VALUES (1, 'once')")
        await inside.execute(ATTEMPT.sql)

    await database.transact(insert_and_attempt)
    assert await connection.fetchval("SELECT count(*) FROM note") == 1


@pytest.mark.parametrize("code", [DEADLOCK, SERIALIZATION])
async def test_a_race_that_is_lost_again_and_again_is_unavailable(
    database: Database, connection: asyncpg.Connection, code: str
) -> None:
    await Losing(100, code).prepare(connection)
    with pytest.raises(Unavailable):
        await database.fetch_one(ATTEMPT)
    assert await connection.fetchval("SELECT last_value FROM attempts") == ATTEMPTS


async def test_a_real_deadlock_goes_unnoticed(
    database: Database, connection: asyncpg.Connection
) -> None:
    await connection.execute(f"{CREATE}; INSERT INTO note VALUES (1, ''), (2, '')")
    # Each locks one note and then wants the other.
    both = [
        Statement(
            text(
                f"WITH mine AS MATERIALIZED (SELECT pg_advisory_xact_lock({mine}), pg_sleep(0.1)),"
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
    """Returns when PostgreSQL has counted something."""

    async def counted() -> bool:
        return await count() > 0

    await eventually_true(counted)
