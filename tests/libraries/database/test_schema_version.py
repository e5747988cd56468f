"""The check of the schema's version before a worker serves."""

import asyncpg
import pytest
from alembic.script import ScriptDirectory

from server.errors import StartError
from server.libraries.common.paths import MIGRATIONS
from server.libraries.database.migrations import migrate
from server.libraries.database.pool import Database
from server.libraries.database.schema_version import NEEDED, require_current_schema
from tests.support.command import gymlocker
from tests.support.worker import JWT_SECRET_KEY

pytestmark = pytest.mark.extended

OUTDATED = "The database is not up to date. Run: gymlocker migrate"


async def require(url: str) -> None:
    async with Database(url, pool_size=1) as database:
        await require_current_schema(database)


class TestRequireCurrentSchema:
    def test_requires_newest_migrations(self) -> None:
        assert set(NEEDED.values()) == set(ScriptDirectory(str(MIGRATIONS)).get_heads())

    async def test_serve_rejects_empty_database(self, empty_database: str) -> None:
        ended = await gymlocker(
            "serve",
            "--listen",
            "127.0.0.1:0",
            DATABASE_URL=empty_database,
            JWT_SECRET_KEY=JWT_SECRET_KEY,
        )
        assert (ended.code, ended.errors) == (1, f"{OUTDATED}\n")

    async def test_rejects_liftlogs_tables(self, liftlog_database: str) -> None:
        with pytest.raises(StartError, match=OUTDATED):
            await require(liftlog_database)

    @pytest.mark.parametrize("behind", ["feed_0002", "feed_0001"])
    async def test_rejects_older_schema(
        self, empty_database: str, connection: asyncpg.Connection, behind: str
    ) -> None:
        await migrate(empty_database, None, lambda _: None)
        await connection.execute(
            "UPDATE alembic_version SET version_num = $1 WHERE version_num LIKE 'feed%'", behind
        )
        with pytest.raises(StartError, match=OUTDATED):
            await require(empty_database)

    @pytest.mark.parametrize("schema", [NEEDED["feed"], "feed_9999"])
    async def test_accepts_current_and_newer_schema(
        self, empty_database: str, connection: asyncpg.Connection, schema: str
    ) -> None:
        await migrate(empty_database, None, lambda _: None)
        await connection.execute(
            "UPDATE alembic_version SET version_num = $1 WHERE version_num LIKE 'feed%'", schema
        )
        await require(empty_database)

    async def test_accepts_unreachable_database(self) -> None:
        await require("postgresql://nobody@127.0.0.1:1/gymlocker")
