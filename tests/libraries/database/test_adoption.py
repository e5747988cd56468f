"""The databases that are accepted as a LiftLog server's, and those that are rejected."""

import asyncpg
import pytest

from server.errors import StartError
from server.libraries.database.migrations import migrate
from tests.libraries.database import catalog
from tests.support.command import alembic, gymlocker

pytestmark = pytest.mark.extended


async def rejection(url: str, rate_limit_url: str | None = None) -> str:
    """Return the sentence with which a migration is rejected."""
    with pytest.raises(StartError) as rejected:
        await migrate(url, rate_limit_url, lambda _: None)
    return str(rejected.value)


HARMLESS = [
    pytest.param(
        "ALTER TABLE users ALTER encryption_iv SET DEFAULT '';"
        "ALTER TABLE users ALTER created SET DEFAULT '-infinity'",
        id="a default",
    ),
    pytest.param("CREATE INDEX extra ON users (created)", id="an index"),
    pytest.param("CREATE UNIQUE INDEX extra ON shared_items (id, user_id)", id="a unique index"),
    pytest.param("CREATE TABLE hangfire_job (id serial PRIMARY KEY)", id="a table"),
    pytest.param("CREATE VIEW people AS SELECT id FROM users", id="a view"),
    pytest.param("ALTER TABLE users ALTER salt DROP NOT NULL", id="no NOT NULL"),
    pytest.param(
        "ALTER TABLE rate_limit_consumptions ALTER requests DROP NOT NULL",
        id="no NOT NULL in the rate limits",
    ),
    pytest.param("DROP TABLE rate_limit_consumptions", id="no rate limits"),
    pytest.param('DROP TABLE "__EFMigrationsHistory"', id="no history"),
]


class TestAccepted:
    @pytest.mark.parametrize("change", HARMLESS)
    async def test_harmless_difference_is_accepted(
        self, liftlog_database: str, connection: asyncpg.Connection, change: str
    ) -> None:
        await connection.execute(change)
        columns = {"users": ["id", "user_lookup", "hashed_password", "salt", "created"]}
        before = await catalog.rows(connection, columns)
        await migrate(liftlog_database, None, lambda _: None)
        assert await catalog.rows(connection, columns) == before

    @pytest.mark.parametrize(
        "table_and_column", ["users.salt", "user_events.expiry", "rate_limit_consumptions.requests"]
    )
    async def test_missing_not_null_is_restored(
        self, liftlog_database: str, connection: asyncpg.Connection, table_and_column: str
    ) -> None:
        table, column = table_and_column.split(".")
        await connection.execute(f"ALTER TABLE {table} ALTER {column} DROP NOT NULL")
        await migrate(liftlog_database, None, lambda _: None)
        assert f"{table_and_column} " in " ".join(await catalog.schema(connection))
        required = {line for line in await catalog.schema(connection) if line.endswith(" not null")}
        assert any(line.startswith(f"{table_and_column} ") for line in required)


FOREIGN_KEY = "ALTER TABLE user_events DROP CONSTRAINT fk_user_events_users_user_id"
NO_LOOKUP_INDEX = "DROP INDEX ix_users_user_lookup"
EVENTS_KEY = "ALTER TABLE user_events DROP CONSTRAINT pk_user_events"

# Pairs of a difference and a part of the error.
DIFFERENT = [
    ("DROP TABLE shared_items", "table shared_items is missing"),
    ("ALTER TABLE users DROP salt", "column users.salt is missing"),
    ("ALTER TABLE users ADD nickname text", "column users.nickname is not LiftLog's"),
    ("ALTER TABLE rate_limit_consumptions ADD store text", "rate_limit_consumptions.store"),
    ("ALTER TABLE rate_limit_consumptions DROP requests", "rate_limit_consumptions.requests"),
    ("ALTER TABLE users ALTER hashed_password TYPE bytea USING ''::bytea", "users.hashed_password"),
    ("ALTER TABLE users ALTER user_lookup TYPE varchar(8) USING ''", "users.user_lookup"),
    ("ALTER TABLE users ALTER created TYPE timestamp", "users.created"),
    ("ALTER TABLE users ALTER last_accessed TYPE date", "users.last_accessed"),
    ("ALTER TABLE user_follow_secrets ALTER value TYPE varchar(36)", "user_follow_secrets.value"),
    ("ALTER TABLE user_follow_secrets ALTER value TYPE text", "user_follow_secrets.value"),
    ("ALTER TABLE user_inbox_items ALTER encrypted_message TYPE bytea USING ''::bytea",
     "user_inbox_items.encrypted_message"),
    ("ALTER TABLE users ALTER encrypted_name TYPE bytea[] USING NULL", "users.encrypted_name"),
    ("ALTER TABLE rate_limit_consumptions ALTER requests TYPE timestamptz USING now()",
     "rate_limit_consumptions.requests"),
    ("ALTER TABLE users ALTER encrypted_name SET NOT NULL", "users.encrypted_name must allow NULL"),
    (EVENTS_KEY, "primary key of user_events is not (user_id, id)"),
    (f"{EVENTS_KEY}, ADD CONSTRAINT pk_user_events PRIMARY KEY (id)",
     "primary key of user_events is not (user_id, id)"),
    (f"{EVENTS_KEY}, ADD CONSTRAINT pk_user_events PRIMARY KEY (id, user_id)",
     "primary key of user_events is not (user_id, id)"),
    ("ALTER TABLE rate_limit_consumptions DROP CONSTRAINT pk_rate_limit_consumptions",
     "primary key of rate_limit_consumptions is not (key)"),
    (FOREIGN_KEY, "foreign key fk_user_events_users_user_id"),
    ((f"{FOREIGN_KEY}, ADD CONSTRAINT fk_user_events_users_user_id FOREIGN KEY (user_id)"
      " REFERENCES users (id)"), "foreign key fk_user_events_users_user_id"),
    ((f"{FOREIGN_KEY}, ADD CONSTRAINT fk_user_events_users_user_id FOREIGN KEY (user_id)"
      " REFERENCES users (id) ON DELETE SET NULL"), "foreign key fk_user_events_users_user_id"),
    (NO_LOOKUP_INDEX, "index ix_users_user_lookup"),
    (f"{NO_LOOKUP_INDEX}; CREATE INDEX ix_users_user_lookup ON users (user_lookup)",
     "index ix_users_user_lookup"),
    (f"{NO_LOOKUP_INDEX}; CREATE UNIQUE INDEX ix_users_user_lookup ON users (salt)",
     "index ix_users_user_lookup"),
    ((f"{NO_LOOKUP_INDEX}; CREATE UNIQUE INDEX ix_users_user_lookup ON users (user_lookup)"
      " WHERE encrypted_name IS NOT NULL"), "index ix_users_user_lookup"),
    ("ALTER TABLE users ALTER salt DROP NOT NULL; UPDATE users SET salt = NULL", "salt"),
    (("ALTER TABLE rate_limit_consumptions ALTER requests DROP NOT NULL;"
      "UPDATE rate_limit_consumptions SET requests = NULL"), "requests"),
]  # fmt: skip


class TestRejected:
    @pytest.mark.parametrize(
        ("difference", "error"), DIFFERENT, ids=[name for name, _ in DIFFERENT]
    )
    async def test_names_difference_and_changes_nothing(
        self, liftlog_database: str, connection: asyncpg.Connection, difference: str, error: str
    ) -> None:
        await connection.execute(difference)
        before = await catalog.everything(connection)
        sentence = await rejection(liftlog_database)
        assert error in sentence
        assert "\n" not in sentence
        assert "<class" not in sentence
        assert await catalog.everything(connection) == before

    async def test_names_every_difference(
        self, liftlog_database: str, connection: asyncpg.Connection
    ) -> None:
        await connection.execute("DROP TABLE shared_items; ALTER TABLE users DROP salt")
        sentence = await rejection(liftlog_database)
        assert "table shared_items is missing" in sentence
        assert "column users.salt is missing" in sentence

    async def test_command_prints_reason_and_exits_with_1(
        self, liftlog_database: str, connection: asyncpg.Connection
    ) -> None:
        await connection.execute("ALTER TABLE users DROP salt")
        ended = await gymlocker("migrate", DATABASE_URL=liftlog_database)
        assert (ended.code, ended.output) == (1, "")
        assert "column users.salt is missing" in ended.errors
        assert ended.errors.count("\n") == 1

    async def test_rejects_unrelated_tables(
        self, empty_database: str, connection: asyncpg.Connection
    ) -> None:
        await connection.execute("CREATE TABLE orders (id int); CREATE TABLE customers (id int)")
        before = await catalog.everything(connection)
        assert "tables customers, orders" in await rejection(empty_database)
        assert await catalog.everything(connection) == before

    async def test_rejects_unrelated_table_users(
        self, empty_database: str, connection: asyncpg.Connection
    ) -> None:
        await connection.execute("CREATE TABLE users (id serial PRIMARY KEY, email text)")
        before = await catalog.everything(connection)
        sentence = await rejection(empty_database)
        assert "users.email" in sentence
        assert "\n" not in sentence
        assert await catalog.everything(connection) == before

    async def test_rejects_unrelated_database_of_rate_limits(
        self, liftlog_database: str, second_empty_database: str
    ) -> None:
        limits = await asyncpg.connect(second_empty_database)
        try:
            await limits.execute("CREATE TABLE orders (id int)")
            before = await catalog.everything(limits)
            assert "table orders" in await rejection(liftlog_database, second_empty_database)
            assert await catalog.everything(limits) == before
        finally:
            await limits.close()

    @pytest.mark.parametrize("revision", ["feed_9999", "rate_limits_9999", "0123456789ab"])
    async def test_rejects_schema_of_newer_release(
        self, empty_database: str, connection: asyncpg.Connection, revision: str
    ) -> None:
        await migrate(empty_database, None, lambda _: None)
        branch = revision.partition("_9999")[0]
        await connection.execute(
            "DELETE FROM alembic_version WHERE version_num LIKE $1 || '%'", branch
        )
        await connection.execute("INSERT INTO alembic_version VALUES ($1)", revision)
        before = await catalog.everything(connection)
        sentence = await rejection(empty_database)
        assert revision in sentence
        assert "\n" not in sentence
        assert await catalog.everything(connection) == before

    async def test_alembic_rejects_schema_of_newer_release(
        self, empty_database: str, connection: asyncpg.Connection
    ) -> None:
        await connection.execute(
            "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)"
        )
        await connection.execute("INSERT INTO alembic_version VALUES ('feed_9999')")
        ended = await alembic("check", DATABASE_URL=empty_database)
        assert ended.code != 0
        assert "feed_9999" in ended.output + ended.errors
