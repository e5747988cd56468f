"""Migrations that are concurrent, locked out, interrupted or reverted, and their errors."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from server.errors import StartError
from server.libraries.common.paths import MIGRATIONS
from server.libraries.database import migrations
from server.libraries.database.connect import place_of
from server.libraries.database.migration_engine import sqlalchemy_engine
from server.libraries.database.migrations import migrate
from server.programs.local.temporary_postgres import TemporaryPostgres
from tests.libraries.database import catalog
from tests.support.command import gymlocker

pytestmark = pytest.mark.extended

CREATING = "The database is empty (schema public): creating tables."


def silent(_: str) -> None:
    """Discard the progress of a migration."""


class TestMigrate:
    async def test_concurrent_migrations_succeed(
        self, empty_database: str, connection: asyncpg.Connection
    ) -> None:
        both = await asyncio.gather(
            *(gymlocker("migrate", DATABASE_URL=empty_database) for _ in range(2))
        )
        assert [(ended.code, ended.errors) for ended in both] == [(0, ""), (0, "")]
        assert sorted(ended.output for ended in both) == [
            f"{CREATING}\nThe database is up to date.\n",
            "The database was up to date.\n",
        ]

    async def test_reports_empty_schema(
        self, empty_database: str, connection: asyncpg.Connection
    ) -> None:
        await connection.execute("CREATE SCHEMA elsewhere CREATE TABLE users (id integer)")
        reported: list[str] = []
        await migrate(empty_database, None, reported.append)
        await connection.execute("DROP SCHEMA elsewhere CASCADE")
        assert reported == [CREATING, "The database is up to date."]

    async def test_reports_adoption_of_liftlogs_tables(
        self,
        liftlog_database: str,
    ) -> None:
        reported: list[str] = []
        await migrate(liftlog_database, None, reported.append)
        assert CREATING not in reported and len(reported) == 3

    async def test_times_out_if_another_process_migrates(
        self, empty_database: str, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(migrations, "ADVISORY_LOCK_SECONDS", 0.3)
        await connection.execute("SELECT pg_advisory_lock($1)", migrations.ADVISORY_LOCK)
        with pytest.raises(StartError, match="Another process is migrating this database"):
            await migrate(empty_database, None, silent)
        assert await catalog.schema(connection) == set()

    async def test_lock_timeout_can_be_retried(
        self, liftlog_database: str, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(migrations, "LOCK_TIMEOUT", "200ms")
        async with connection.transaction():
            await connection.execute("LOCK user_inbox_items")
            with pytest.raises(StartError, match="lock timeout") as gave_up:
                await migrate(liftlog_database, None, silent)
        assert "\n" not in str(gave_up.value)
        assert "<class" not in str(gave_up.value)
        await migrate(liftlog_database, None, silent)
        assert "user_inbox_items.received timestamp with time zone" in await catalog.schema(
            connection
        )

    async def test_rebuilds_interrupted_index(
        self, liftlog_database: str, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        indexes = {
            (
                "CREATE INDEX ix_user_events_user_id_timestamp ON public.user_events"
                ' USING btree (user_id, "timestamp")'
            ),
            "CREATE INDEX ix_shared_items_expiry ON public.shared_items USING btree (expiry)",
        }
        monkeypatch.setattr(migrations, "LOCK_TIMEOUT", "200ms")
        reader = await asyncpg.connect(liftlog_database)
        async with reader.transaction(isolation="repeatable_read"):
            # Building an index waits for all older snapshots, here until the lock timeout.
            await reader.execute("SELECT 1")
            with pytest.raises(StartError, match="lock timeout"):
                await migrate(liftlog_database, None, silent)
            assert any(line.endswith("INVALID") for line in await catalog.schema(connection))
        await reader.close()
        await migrate(liftlog_database, None, silent)
        schema = await catalog.schema(connection)
        assert indexes <= schema
        assert not any(line.endswith("INVALID") for line in schema)


class TestDowngrade:
    async def test_reverts_to_liftlogs_schema_and_upgrades_again(
        self, liftlog_database: str, connection: asyncpg.Connection
    ) -> None:
        columns = await catalog.columns(connection)
        liftlogs_schema = await catalog.schema(connection)
        before = await catalog.rows(connection, columns)
        await migrate(liftlog_database, None, silent)
        todays_schema = await catalog.schema(connection)

        for baseline in ("feed@feed_0001", "rate_limits@rate_limits_0001"):
            await run_alembic(liftlog_database, "downgrade", baseline)
        left = {line for line in await catalog.schema(connection) if "alembic_version" not in line}
        assert left == liftlogs_schema

        await migrate(liftlog_database, None, silent)
        assert await catalog.schema(connection) == todays_schema
        assert await catalog.rows(connection, columns) == before

    async def test_rejects_revert_of_first_migration(
        self, liftlog_database: str, connection: asyncpg.Connection
    ) -> None:
        await migrate(liftlog_database, None, silent)
        for baseline in ("feed@feed_0001", "rate_limits@rate_limits_0001"):
            await run_alembic(liftlog_database, "downgrade", baseline)
        before = await catalog.everything(connection)
        with pytest.raises(RuntimeError, match="drop the database"):
            await run_alembic(liftlog_database, "downgrade", "feed@base")
        assert await catalog.everything(connection) == before


async def run_alembic(url: str, name: str, revision: str) -> None:
    """Run a command of Alembic on the database at `url`."""

    def run(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        getattr(command, name)(config, revision)
        connection.commit()

    engine = sqlalchemy_engine(url)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(run)
    finally:
        await engine.dispose()


@pytest.fixture
async def guarded(postgres: TemporaryPostgres, playground: tuple[str, str]) -> AsyncIterator[str]:
    """The URL of a database with a wrong password for a user who needs one."""
    connection = await asyncpg.connect(playground[0])
    try:
        await connection.execute("CREATE ROLE guarded LOGIN PASSWORD 'right'")
        await connection.execute(
            "DO $$ BEGIN EXECUTE format("
            "'COPY (VALUES (''local all guarded scram-sha-256''), (''local all all trust''))"
            " TO %L', current_setting('hba_file')); END $$"
        )
        await connection.execute("SELECT pg_reload_conf()")
        url = playground[0].replace("gymlocker@", "guarded:canary-5f1c@")
        await wait_until_password_is_required(url)
        yield url
        await connection.execute("DROP ROLE guarded")
    finally:
        await connection.close()


async def wait_until_password_is_required(url: str) -> None:
    """Wait until PostgreSQL has reloaded its rules."""
    async with asyncio.timeout(10):
        while True:
            try:
                connection = await asyncpg.connect(url)
            except asyncpg.InvalidPasswordError:
                return
            await connection.close()


UNUSED = "postgresql://somebody:canary-5f1c@127.0.0.1:1/gymlocker"
NOT_USABLE = [
    UNUSED,
    "postgresql://somebody:canary-5f1c@127.0.0.1:1/gymlocker?sslmode=perhaps",
    "postgresql://somebody:canary-5f1c@127.0.0.1:port/gymlocker",
    "postgresql://somebody:canary-5f1c@%2Fno%2Fsuch%2Ffolder/gymlocker",
    "mysql://somebody:canary-5f1c@127.0.0.1/gymlocker",
]


class TestPlaceOf:
    @pytest.mark.parametrize(
        ("url", "place"),
        [
            ("postgresql://u:canary@host.example/name", " at host.example"),
            ("postgresql://u:canary@[::1]:5432/name", " at [::1]:5432"),
            ("postgresql://u:can@ary@one:1,two:2/name", " at one:1,two:2"),
            ("postgresql:///name?host=/run/postgresql&password=canary", " at /run/postgresql"),
            ("postgresql:///name?password=canary", ""),
            # The password is not encoded.
            ("postgresql://u:12/canary@host/name", ""),
            ("postgresql://u:canary@12/canary@host/name", ""),
            ("postgresql://u:12?canary@host/name", ""),
        ],
    )
    def test_excludes_password(self, url: str, place: str) -> None:
        assert place_of(url) == place


class TestErrors:
    async def test_wrong_password_is_not_quoted(self, guarded: str) -> None:
        ended = await gymlocker("migrate", DATABASE_URL=guarded)
        assert (ended.code, ended.output) == (1, "")
        assert "password authentication failed" in ended.errors
        assert ended.errors.count("\n") == 1
        assert "canary" not in ended.errors

    @pytest.mark.parametrize("url", NOT_USABLE)
    async def test_unreachable_database_does_not_quote_password(self, url: str) -> None:
        ended = await gymlocker("migrate", DATABASE_URL=url)
        assert (ended.code, ended.output) == (1, "")
        assert "DATABASE_URL" in ended.errors
        assert ended.errors.count("\n") == 1
        assert "canary" not in ended.errors

    async def test_names_unknown_host(self) -> None:
        with pytest.raises(
            StartError, match=r"unreachable at nowhere\.invalid: .*Check DATABASE_URL"
        ):
            await migrate("postgresql://u:canary@nowhere.invalid/name", None, silent)

    async def test_names_unreachable_database_of_rate_limits(self, empty_database: str) -> None:
        with pytest.raises(StartError, match="RATE_LIMIT_DATABASE_URL"):
            await migrate(empty_database, UNUSED, silent)
