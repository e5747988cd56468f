"""Alembic's connection to the database.

`gymlocker migrate` hands in a connection. The `alembic` command itself (`alembic check`,
`alembic revision --autogenerate`) connects to DATABASE_URL.
"""

import asyncio
from typing import Any

from alembic import context
from sqlalchemy import Connection

from server.libraries.database import schema
from server.libraries.database.migration_engine import sqlalchemy_engine
from server.libraries.settings import Settings, load


def is_ours(
    _object: Any, name: str | None, kind: str, reflected: bool, compare_to: Any | None
) -> bool:
    """Tell Alembic what to compare: all that Gymlocker defines, and every column of its tables.

    Tables, indexes and constraints that are only in the database belong to somebody else, such as
    LiftLog's `__EFMigrationsHistory`, and are left alone.
    """
    return kind == "column" or not reflected or compare_to is not None


def run(connection: Connection) -> None:
    """Run the migrations on `connection`, each in a transaction of its own."""
    context.configure(
        connection=connection,
        target_metadata=schema.metadata,
        include_object=is_ours,
        compare_type=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def run_on_database_url() -> None:
    """Connect to DATABASE_URL and runs the migrations there."""
    engine = sqlalchemy_engine(load(Settings).database_url)
    async with engine.connect() as connection:
        await connection.run_sync(run)
        await connection.commit()
    await engine.dispose()


handed_in: Connection | None = context.config.attributes.get("connection")
if handed_in is not None:
    run(handed_in)
else:
    asyncio.run(run_on_database_url())
