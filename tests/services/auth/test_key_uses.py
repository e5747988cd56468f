"""The time of the last use of a key."""

from datetime import timedelta
from uuid import UUID

import asyncpg

from server.libraries.database.pool import Database
from server.services.auth.access_key_repository import AccessKeyRepository, NewAccessKey
from server.services.auth.access_keys import new_key
from server.services.auth.key_uses import KeyUses
from tests.services.system.rows import add_user
from tests.support.client import SOME_UUID


class TestLastUse:
    async def test_is_written_to_the_minute_in_batches(
        self, pool: Database, connection: asyncpg.Connection
    ) -> None:
        keys = AccessKeyRepository(pool)
        uses = KeyUses(keys)
        used, unused = [
            (user, await keys.create(user, NewAccessKey(new_key(), "test", ["feed"])))
            for user in [await add_user(connection, "0 days") for _ in range(2)]
        ]
        uses.touch((used[0], used[1].id))
        # Of a key that was deleted meanwhile.
        uses.touch((used[0], UUID(SOME_UUID)))
        await uses.write()
        [stored] = await keys.list(used[0])
        assert stored.last_used is not None
        now = await connection.fetchval("SELECT now()")
        assert timedelta() <= now - stored.last_used < timedelta(minutes=2)
        assert (stored.last_used.second, stored.last_used.microsecond) == (0, 0)
        assert (await keys.list(unused[0]))[0].last_used is None
