"""The SQL statements that read events: results and costs that a client does not see."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from server.libraries.database.migrations import migrate
from server.libraries.database.pool import Database
from server.services.event.cursor import BEGINNING, LAST_ID
from server.services.event.read_statements import EVENT_BYTES, GET_CHANGES, GET_EVENTS
from tests.services.event.plans import add_user, explain, rows_read

WATCHERS = 50
BACKLOG = 2000
SECOND = timedelta(seconds=1)
ADD_EVENTS = """
INSERT INTO user_events
    (user_id, id, timestamp, last_accessed, expiry, encrypted_event, encryption_iv)
SELECT $1, gen_random_uuid(), now() - i * interval '1 second', now(), now() + interval '1 day',
    '\\x00', '\\x00'
FROM generate_series(1, $2::int) i
"""
ADD_DELETIONS = """
INSERT INTO user_event_deletions (user_id, id, timestamp)
SELECT user_id, gen_random_uuid(), timestamp FROM user_events
"""


@pytest.fixture
async def connection(empty_database: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a database without users."""
    await migrate(empty_database, None, lambda _: None)
    connection = await asyncpg.connect(empty_database)
    yield connection
    await connection.close()


async def add_backlog(connection: asyncpg.Connection, database_url: str) -> dict[str, Any]:
    """Add a user with many events; return a request by each of their secrets, and wrong ones."""
    secrets = [f"right {number}" for number in range(WATCHERS)]
    async with Database(database_url, pool_size=1) as database:
        user = await add_user(connection, database, secrets)
    await connection.execute(ADD_EVENTS, user, BACKLOG)
    await connection.execute("ANALYZE user_events")
    secrets += [f"wrong {number}" for number in range(WATCHERS)]
    return {
        "user_ids": [user] * len(secrets),
        "secrets": secrets,
        "times": [BEGINNING] * len(secrets),
        "max_bytes": 2 * BACKLOG * EVENT_BYTES,
    }


def with_positions(values: dict[str, Any]) -> dict[str, Any]:
    """Return a request by times as one by cursors."""
    number = len(values["user_ids"])
    return values | {"positions": [LAST_ID] * number, "beginnings": [BEGINNING] * number}


class TestGetEvents:
    async def test_reads_each_event_once_for_all_secrets_of_its_user(
        self, connection: asyncpg.Connection, empty_database: str
    ) -> None:
        values = await add_backlog(connection, empty_database)
        rows = await connection.fetch(GET_EVENTS.sql, *GET_EVENTS.arguments(values))
        plan = await explain(connection, GET_EVENTS, **values)
        assert len({row["id"] for row in rows} - {None}) == BACKLOG
        # The entry that reads has a row for each event, and each other entry has one.
        assert len(rows) == BACKLOG + 2 * WATCHERS - 1
        assert {row["secret"] for row in rows if row["valid"]} == set(values["secrets"][:WATCHERS])
        assert rows_read(plan, "user_events") == BACKLOG

    async def test_returns_no_event_for_wrong_secrets(
        self, connection: asyncpg.Connection, empty_database: str
    ) -> None:
        values = await add_backlog(connection, empty_database)
        values["secrets"] = [f"wrong {number}" for number in range(2 * WATCHERS)]
        rows = await connection.fetch(GET_EVENTS.sql, *GET_EVENTS.arguments(values))
        plan = await explain(connection, GET_EVENTS, **values)
        assert {(row["valid"], row["id"]) for row in rows} == {(False, None)}
        # A small table is scanned once, before the entries are known.
        assert rows_read(plan, "user_events") <= BACKLOG

    async def test_reads_after_the_earliest_time_of_a_right_secret(
        self, connection: asyncpg.Connection, empty_database: str
    ) -> None:
        values = await add_backlog(connection, empty_database)
        now = await connection.fetchval("SELECT max(timestamp) FROM user_events")
        earliest = now - 10 * SECOND
        times = [now - SECOND] * WATCHERS + [BEGINNING] * WATCHERS
        times[3] = earliest
        rows = await connection.fetch(
            GET_EVENTS.sql, *GET_EVENTS.arguments(values | {"times": times})
        )
        found = [row["timestamp"] for row in rows if row["id"]]
        assert (len(found), found[0]) == (10, earliest + SECOND)


class TestGetChanges:
    async def test_reads_each_event_once_for_all_secrets_of_its_user(
        self, connection: asyncpg.Connection, empty_database: str
    ) -> None:
        values = with_positions(await add_backlog(connection, empty_database))
        rows = await connection.fetch(GET_CHANGES.sql, *GET_CHANGES.arguments(values))
        plan = await explain(connection, GET_CHANGES, **values)
        assert len({row["id"] for row in rows} - {None}) == BACKLOG
        assert len(rows) == BACKLOG + 2 * WATCHERS - 1
        assert {row["total"] for row in rows if row["valid"]} == {BACKLOG}
        assert rows_read(plan, "user_events") == BACKLOG

    async def test_reads_each_deletion_once_for_all_secrets_of_its_user(
        self, connection: asyncpg.Connection, empty_database: str
    ) -> None:
        values = with_positions(await add_backlog(connection, empty_database))
        await connection.execute(ADD_DELETIONS)
        await connection.execute("ANALYZE user_event_deletions")
        plan = await explain(connection, GET_CHANGES, **values)
        assert rows_read(plan, "user_event_deletions") == BACKLOG

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
