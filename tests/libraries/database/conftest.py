"""Databases that a test may change in any way."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from server.libraries.database.pool import Database
from server.programs.local.temporary_postgres import TemporaryPostgres
from tests.libraries.database import liftlog

EMPTY = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"
# A table for the tests of the pool.
CREATE = "CREATE TABLE note (id int PRIMARY KEY, words text)"


async def make_database(postgres: TemporaryPostgres, name: str) -> str:
    """Create a database; return its URL."""
    connection = await asyncpg.connect(postgres.url())
    try:
        # A process may set up a fixture more than once, for tests run in any order.
        await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    return postgres.url(name)


@pytest.fixture(scope="session")
def playground(postgres: TemporaryPostgres) -> tuple[str, str]:
    """Two databases, shared because creating them takes longer than most of these tests."""
    return (
        asyncio.run(make_database(postgres, "playground")),
        asyncio.run(make_database(postgres, "second_playground")),
    )


@pytest.fixture
async def empty_database(playground: tuple[str, str]) -> str:
    """The URL of an empty database."""
    return await _emptied(playground[0])


@pytest.fixture
async def second_empty_database(playground: tuple[str, str]) -> str:
    """The URL of another empty database."""
    return await _emptied(playground[1])


@pytest.fixture
async def connection(empty_database: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to `empty_database`."""
    connection = await asyncpg.connect(empty_database)
    yield connection
    await connection.close()


@pytest.fixture
async def database(empty_database: str) -> AsyncIterator[Database]:
    """A pool of two connections."""
    async with Database(empty_database, pool_size=2) as database:
        yield database


@pytest.fixture
async def liftlog_database(empty_database: str, connection: asyncpg.Connection) -> str:
    """The URL of a LiftLog server's database with one user."""
    await connection.execute(liftlog.HISTORY + liftlog.FEED + liftlog.RATE_LIMITS)
    await liftlog.add_person(connection, liftlog.Person("abcdefghjkmn"), rounds=1)
    return empty_database


async def _emptied(url: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(EMPTY)
    finally:
        await connection.close()
    return url
