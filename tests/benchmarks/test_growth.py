"""Plans of hot statements, in a database with more users than fit into a page."""

import asyncpg
import pytest

from benchmarks.growth import fill, sequential_scans
from server.libraries.database.migrations import migrate

pytestmark = pytest.mark.extended

USERS = 20_000


@pytest.fixture
async def database_url(empty_database: str) -> str:
    await migrate(empty_database, None, lambda _: None)
    return empty_database


async def test_hot_statements_use_indexes(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await fill(connection, USERS, 1)
        assert await sequential_scans(connection, USERS) == []
        # Without an index, the check fails.
        for columns in ("user_id", "user_id_value"):
            await connection.execute(f"DROP INDEX ix_user_follow_secrets_{columns}")
        [plan] = await sequential_scans(connection, USERS)
        assert "Seq Scan on user_follow_secrets" in plan
    finally:
        await connection.close()
