"""What is close enough to a LiftLog server's database to be adopted, and what is refused."""

import asyncpg
import pytest

from server.errors import StartError
from server.libraries.database.migrations import migrate
from tests.libraries.database import catalog
from tests.support.command import alembic, gymlocker


async def refusal(url: str, rate_limit_url: str | None = None) -> str:
    """The sentence with which a migration is refused."""
    with pytest.raises(StartError) as refused:
        await migrate(url, rate_limit_url, lambda _: None)
    return str(refused.value)


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


@pytest.mark.parametrize("leftover", HARMLESS)
async def test_leftovers_that_do_no_harm_are_tolerated(
    liftlog_database: str, connection: asyncpg.Connection, leftover: str
) -> None:
    await connection.execute(leftover)
    columns = {"users": ["id", "user_lookup", "hashed_password", "salt", "created"]}
    before = await catalog.rows(connection, columns)
    await migrate(liftlog_database, None, lambda _: None)
    assert await catalog.rows(connection, columns) == before


@pytest.mark.parametrize(
    "table_and_column", ["users.salt", "user_events.expiry", "rate_limit_consumptions.requests"]
)
async def test_alembic_finds_no_difference_where_a_value_was_not_required(
    liftlog_database: str, connection: asyncpg.Connection, table_and_column: str
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

# Each pair: what is different, and what the refusal has to say.
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


@pytest.mark.parametrize(("difference", "said"), DIFFERENT, ids=[name for name, _ in DIFFERENT])
async def test_a_different_database_is_refused_by_naming_the_difference_and_left_as_it_is(
    liftlog_database: str, connection: asyncpg.Connection, difference: str, said: str
) -> None:
    await connection.execute(difference)
    before = await catalog.everything(connection)
    sentence = await refusal(liftlog_database)
    assert said in sentence
    assert "\n" not in sentence
    assert "<class" not in sentence
    assert await catalog.everything(connection) == before


async def test_every_difference_is_named(
    liftlog_database: str, connection: asyncpg.Connection
) -> None:
    await connection.execute("DROP TABLE shared_items; ALTER TABLE users DROP salt")
    sentence = await refusal(liftlog_database)
    assert "table shared_items is missing" in sentence
    assert "column users.salt is missing" in sentence


async def test_the_command_says_why_it_refuses_and_ends_with_1(
    liftlog_database: str, connection: asyncpg.Connection
) -> None:
    await connection.execute("ALTER TABLE users DROP salt")
    ended = await gymlocker("migrate", DATABASE_URL=liftlog_database)
    assert (ended.code, ended.output) == (1, "")
    assert "column users.salt is missing" in ended.errors
    assert ended.errors.count("\n") == 1


async def test_the_tables_of_somebody_else_are_refused(
    empty_database: str, connection: asyncpg.Connection
) -> None:
    await connection.execute("CREATE TABLE orders (id int); CREATE TABLE customers (id int)")
    before = await catalog.everything(connection)
    assert "tables customers, orders" in await refusal(empty_database)
    assert await catalog.everything(connection) == before


async def test_users_of_somebody_else_are_refused(
    empty_database: str, connection: asyncpg.Connection
) -> None:
    await connection.execute("CREATE TABLE users (id serial PRIMARY KEY, email text)")
    before = await catalog.everything(connection)
    sentence = await refusal(empty_database)
    assert "users.email" in sentence
    assert "\n" not in sentence
    assert await catalog.everything(connection) == before


async def test_rate_limits_of_somebody_else_are_refused(
    liftlog_database: str, second_empty_database: str
) -> None:
    limits = await asyncpg.connect(second_empty_database)
    try:
        await limits.execute("CREATE TABLE orders (id int)")
        before = await catalog.everything(limits)
        assert "table orders" in await refusal(liftlog_database, second_empty_database)
        assert await catalog.everything(limits) == before
    finally:
        await limits.close()


@pytest.mark.parametrize("revision", ["feed_9999", "rate_limits_9999", "0123456789ab"])
async def test_a_database_of_a_newer_release_is_refused(
    empty_database: str, connection: asyncpg.Connection, revision: str
) -> None:
    await migrate(empty_database, None, lambda _: None)
    branch = revision.partition("_9999")[0]
    await connection.execute("DELETE FROM alembic_version WHERE version_num LIKE $1 || '%'", branch)
    await connection.execute("INSERT INTO alembic_version VALUES ($1)", revision)
    before = await catalog.everything(connection)
    sentence = await refusal(empty_database)
    assert revision in sentence
    assert "\n" not in sentence
    assert await catalog.everything(connection) == before


async def test_alembic_refuses_a_database_of_a_newer_release(
    empty_database: str, connection: asyncpg.Connection
) -> None:
    await connection.execute("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
    await connection.execute("INSERT INTO alembic_version VALUES ('feed_9999')")
    ended = await alembic("check", DATABASE_URL=empty_database)
    assert ended.code != 0
    assert "feed_9999" in ended.output + ended.errors
