"""The schema of a migrated database, compared with a copy that was written by hand."""

import asyncpg
import pytest

from server.libraries.database.migrations import migrate
from tests.libraries.database import catalog
from tests.support.command import alembic, gymlocker

pytestmark = pytest.mark.extended

TABLES = """
users.id uuid not null
users.user_lookup text not null
users.hashed_password text not null
users.salt bytea not null
users.last_accessed timestamp with time zone not null
users.created timestamp with time zone not null
users.encrypted_current_plan bytea
users.encrypted_profile_picture bytea
users.encrypted_name bytea
users.encryption_iv bytea not null
users.rsa_public_key bytea not null
users pk_users PRIMARY KEY (id)
CREATE UNIQUE INDEX pk_users ON public.users USING btree (id)
CREATE UNIQUE INDEX ix_users_user_lookup ON public.users USING btree (user_lookup)

user_events.user_id uuid not null
user_events.id uuid not null
user_events.timestamp timestamp with time zone not null
user_events.last_accessed timestamp with time zone not null
user_events.expiry timestamp with time zone not null
user_events.encrypted_event bytea not null
user_events.encryption_iv bytea not null
user_events pk_user_events PRIMARY KEY (user_id, id)
user_events fk_user_events_users_user_id FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
CREATE UNIQUE INDEX pk_user_events ON public.user_events USING btree (user_id, id)
CREATE INDEX ix_user_events_expiry ON public.user_events USING btree (expiry)

user_follow_secrets.id uuid not null
user_follow_secrets.user_id uuid not null
user_follow_secrets.value character varying(40) not null
user_follow_secrets pk_user_follow_secrets PRIMARY KEY (id)
user_follow_secrets fk_user_follow_secrets_users_user_id FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
CREATE UNIQUE INDEX pk_user_follow_secrets ON public.user_follow_secrets USING btree (id)
CREATE INDEX ix_user_follow_secrets_user_id ON public.user_follow_secrets USING btree (user_id)

user_inbox_items.id uuid not null
user_inbox_items.user_id uuid not null
user_inbox_items.encrypted_message bytea[] not null
user_inbox_items pk_user_inbox_items PRIMARY KEY (id)
user_inbox_items fk_user_inbox_items_users_user_id FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
CREATE UNIQUE INDEX pk_user_inbox_items ON public.user_inbox_items USING btree (id)
CREATE INDEX ix_user_inbox_items_user_id ON public.user_inbox_items USING btree (user_id)

shared_items.id text not null
shared_items.user_id uuid not null
shared_items.timestamp timestamp with time zone not null
shared_items.expiry timestamp with time zone not null
shared_items.encrypted_payload bytea not null
shared_items.encryption_iv bytea not null
shared_items pk_shared_items PRIMARY KEY (id)
shared_items fk_shared_items_users_user_id FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
CREATE UNIQUE INDEX pk_shared_items ON public.shared_items USING btree (id)
CREATE INDEX ix_shared_items_user_id ON public.shared_items USING btree (user_id)
"""  # noqa: E501

RATE_LIMITS = """
rate_limit_consumptions.key text not null
rate_limit_consumptions.requests timestamp with time zone[] not null
rate_limit_consumptions pk_rate_limit_consumptions PRIMARY KEY (key)
CREATE UNIQUE INDEX pk_rate_limit_consumptions ON public.rate_limit_consumptions USING btree (key)
"""

OUR_RATE_LIMITS = """
password_failures.key bytea not null
password_failures.forgiven timestamp with time zone not null
password_failures pk_password_failures PRIMARY KEY (key)
CREATE UNIQUE INDEX pk_password_failures ON public.password_failures USING btree (key)
CREATE INDEX ix_password_failures_forgiven ON public.password_failures USING btree (forgiven)
"""

OF_LIFTLOG = {"users", "user_events", "user_follow_secrets", "user_inbox_items", "shared_items"}


def lines(text: str) -> set[str]:
    """Return the lines of `text`."""
    return set(filter(None, text.splitlines()))


def of_tables(schema: set[str], tables: set[str]) -> set[str]:
    """Return the lines of a schema about the columns of `tables`."""
    return {line for line in schema if line.partition(".")[0] in tables}


async def test_empty_database_gets_schema_of_contract(
    empty_database: str, connection: asyncpg.Connection
) -> None:
    await migrate(empty_database, None, lambda _: None)
    assert lines(TABLES) | lines(RATE_LIMITS) <= await catalog.schema(connection)


async def test_columns_added_to_liftlogs_tables_are_optional(
    empty_database: str, connection: asyncpg.Connection
) -> None:
    await migrate(empty_database, None, lambda _: None)
    required = of_tables(await catalog.required_columns(connection), OF_LIFTLOG)
    assert required == {
        line.partition(" ")[0]
        for line in of_tables(lines(TABLES), OF_LIFTLOG)
        if line.endswith("not null")
    }


async def test_database_of_rate_limits_gets_only_its_tables(
    empty_database: str, second_empty_database: str
) -> None:
    await migrate(empty_database, second_empty_database, lambda _: None)
    limits = await asyncpg.connect(second_empty_database)
    try:
        schema = await catalog.schema(limits)
    finally:
        await limits.close()
    ours = {line for line in schema if "alembic_version" not in line}
    assert ours == lines(RATE_LIMITS) | lines(OUR_RATE_LIMITS)


async def test_adopted_database_has_schema_of_empty_one(
    liftlog_database: str, connection: asyncpg.Connection, second_empty_database: str
) -> None:
    await migrate(liftlog_database, None, lambda _: None)
    await migrate(second_empty_database, None, lambda _: None)
    fresh = await asyncpg.connect(second_empty_database)
    try:
        expected = await catalog.schema(fresh)
    finally:
        await fresh.close()
    found = await catalog.schema(connection)
    assert {line for line in found if "__EFMigrationsHistory" not in line} == expected


async def test_second_migration_changes_nothing(
    empty_database: str, connection: asyncpg.Connection
) -> None:
    first = await gymlocker("migrate", DATABASE_URL=empty_database)
    assert (first.code, first.errors) == (0, "")
    assert first.output == (
        "The database is empty (schema public): creating tables.\nThe database is up to date.\n"
    )
    before = await catalog.everything(connection)
    second = await gymlocker("migrate", DATABASE_URL=empty_database)
    assert (second.code, second.output, second.errors) == (0, "The database was up to date.\n", "")
    assert await catalog.everything(connection) == before
    check = await alembic("check", DATABASE_URL=empty_database)
    assert (check.code, check.output) == (0, "No new upgrade operations detected.\n")
