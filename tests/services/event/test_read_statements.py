"""The SQL statements that read events: results and costs that a client does not see."""

import asyncpg
import pytest

from server.libraries.database.migrations import migrate
from server.libraries.database.pool import Database
from server.services.event.cursor import BEGINNING, LAST_ID
from server.services.event.read_statements import EVENT_BYTES, GET_CHANGES
from tests.services.event.plans import add_user, explain, rows_read

WATCHERS = 50
BACKLOG = 2000
ADD_EVENTS = """
INSERT INTO user_events
    (user_id, id, timestamp, last_accessed, expiry, encrypted_event, encryption_iv)
SELECT $1, gen_random_uuid(), now() - i * interval '1 second', now(), now() + interval '1 day',
    '\\x00', '\\x00'
FROM generate_series(1, $2::int) i
"""


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
