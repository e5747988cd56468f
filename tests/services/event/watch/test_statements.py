"""The SQL statements that watchers share: results and costs that a client does not see."""

from uuid import uuid4

import asyncpg

from server.libraries.database.migrations import migrate
from server.libraries.database.pool import Database
from server.services.event.watch.statements import GET_INVALID_SECRETS
from tests.services.event.plans import add_user, explain, rows_read

WATCHERS = 50


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
