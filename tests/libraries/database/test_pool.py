"""The pool of connections, with databases that work, fail, hang and come back."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import asyncpg
import pytest
from sqlalchemy import bindparam, text

from server.errors import Unavailable
from server.libraries.database import asyncpg_pool, pool
from server.libraries.database.pool import Connection, Database
from server.libraries.database.statement import Statement
from server.programs.local.temporary_postgres import TemporaryPostgres, temporary_postgres
from tests.libraries.database.conftest import CREATE
from tests.libraries.database.postmaster import frozen, postmaster_of
from tests.support.waiting import eventually_true

ONE = Statement(text("SELECT 1 AS one"))
SLOW = Statement(text("SELECT pg_sleep(60)"))
INSERT = Statement(text("INSERT INTO note VALUES (:id, :words)").bindparams(bindparam("id")))


@pytest.fixture
async def short_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten all timeouts."""
    monkeypatch.setattr(asyncpg_pool, "CONNECT_SECONDS", 0.5)
    monkeypatch.setattr(pool, "ACQUIRE_SECONDS", 0.5)
    monkeypatch.setattr(ONE, "seconds", 1)
    monkeypatch.setattr(SLOW, "seconds", 1)


async def answers(database: Database) -> bool:
    """Check whether the database answers; the only error allowed is Unavailable."""
    try:
        row = await database.fetch_one(ONE)
    except Unavailable:
        return False
    return row is not None and bool(row["one"] == 1)


@asynccontextmanager
async def held(database: Database, connections: int) -> AsyncIterator[list[asyncio.Task[Any]]]:
    """Calls that hold connections of the pool until they are cancelled."""
    tasks = [asyncio.create_task(database.fetch(SLOW)) for _ in range(connections)]
    yield tasks
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def sleeping(connection: asyncpg.Connection) -> int:
    """Return the number of calls that sleep in the database."""
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%'"
        " AND state = 'active' AND pid <> pg_backend_pid() AND datname = current_database()"
    )
    return int(await connection.fetchval(query))


class TestFetch:
    async def test_returns_rows(self, database: Database) -> None:
        assert [dict(row) for row in await database.fetch(ONE)] == [{"one": 1}]
        assert await answers(database)

    async def test_returns_none_without_rows(self, database: Database) -> None:
        assert await database.fetch_one(Statement(text("SELECT 1 WHERE false"))) is None

    async def test_rejects_call_if_no_connection_becomes_free(
        self, database: Database, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pool, "ACQUIRE_SECONDS", 0.2)

        async def two_are_held() -> bool:
            return await sleeping(connection) == 2

        async with held(database, 2):
            await eventually_true(two_are_held)
            with pytest.raises(Unavailable) as rejected:
                await database.fetch(ONE)
            assert rejected.value.reason == "DATABASE_UNAVAILABLE"
        monkeypatch.undo()
        assert await answers(database)

    async def test_cancelled_call_ends_in_database_and_frees_connection(
        self, database: Database, connection: asyncpg.Connection
    ) -> None:
        async def two_are_held() -> bool:
            return await sleeping(connection) == 2

        async def none_is_held() -> bool:
            return await sleeping(connection) == 0

        for _ in range(3):
            async with held(database, 2):
                await eventually_true(two_are_held)
            assert await answers(database)
            await eventually_true(none_is_held)

    async def test_slow_statement_times_out(
        self, empty_database: str, short_timeouts: None
    ) -> None:
        async with Database(empty_database, pool_size=1) as database:
            with pytest.raises(Unavailable):
                await database.fetch(SLOW)
            assert await answers(database)


class TestTransact:
    async def test_rolls_back_after_exception(
        self, database: Database, connection: asyncpg.Connection
    ) -> None:
        await connection.execute(CREATE)

        async def insert_and_fail(inside: Connection) -> None:
            await inside.execute("INSERT INTO note VALUES (1, 'undone')")
            raise LookupError

        async def insert(inside: Connection) -> str:
            await inside.execute("INSERT INTO note VALUES (2, 'kept')")
            return "result"

        with pytest.raises(LookupError):
            await database.transact(insert_and_fail)
        assert await database.transact(insert) == "result"
        assert [row["id"] for row in await connection.fetch("SELECT id FROM note")] == [2]

    async def test_passes_constraint_violation_on(
        self, database: Database, connection: asyncpg.Connection
    ) -> None:
        await connection.execute(CREATE)
        await database.execute(INSERT, id=1, words="first")
        with pytest.raises(asyncpg.UniqueViolationError):
            await database.execute(INSERT, id=1, words="second")

    async def test_passes_invalid_argument_on(
        self, database: Database, connection: asyncpg.Connection
    ) -> None:
        await connection.execute(CREATE)
        with pytest.raises(asyncpg.DataError):
            await database.execute(INSERT, id="no number", words="")

    async def test_closing_connection_is_unavailable(
        self,
        database: Database,
    ) -> None:
        async def fail(_: Connection) -> None:
            # asyncpg raises this between the server's last message and the end of the connection.
            raise asyncpg.InternalClientError("cannot switch to state 12; another operation")

        with pytest.raises(Unavailable):
            await database.transact(fail)


@pytest.fixture(scope="module")
def fragile() -> Iterator[TemporaryPostgres]:
    """A PostgreSQL that tests kill; it is restarted each time."""
    with temporary_postgres() as postgres:
        yield postgres


class TestOutage:
    async def test_killed_server_is_unavailable_until_restarted(
        self,
        fragile: TemporaryPostgres,
    ) -> None:
        async with Database(fragile.url(), pool_size=3) as database:
            assert await answers(database)
            postmaster = await postmaster_of(fragile.url())
            in_flight = asyncio.create_task(database.fetch(SLOW))
            watcher = await asyncpg.connect(fragile.url())

            async def is_held() -> bool:
                return await sleeping(watcher) == 1

            await eventually_true(is_held)
            postmaster.kill()
            with pytest.raises(Unavailable):
                await in_flight
            assert not await answers(database)
            await eventually_true(lambda: answers(database))
            watcher.terminate()

    async def test_frozen_server_is_unavailable_until_resumed(
        self, fragile: TemporaryPostgres, short_timeouts: None
    ) -> None:
        async with Database(fragile.url(), pool_size=3) as database:
            await eventually_true(lambda: answers(database))
            with frozen(await postmaster_of(fragile.url())):
                for _ in range(2):
                    calls = (answers(database) for _ in range(8))
                    assert await asyncio.gather(*calls) == [False] * 8
            await eventually_true(lambda: answers(database))

    async def test_frees_connection_that_cannot_be_closed(
        self, fragile: TemporaryPostgres, short_timeouts: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # A connection is closed, with a message to the server, after `max_queries` statements.
        monkeypatch.setattr(asyncpg, "create_pool", partial(asyncpg.create_pool, max_queries=1))
        monkeypatch.setattr(pool, "KEEP_SECONDS", 0.3)
        async with Database(fragile.url(), pool_size=1) as database:

            async def is_returned() -> bool:
                return database.connections == 0

            await eventually_true(lambda: answers(database))
            await eventually_true(is_returned)
            postmaster = await postmaster_of(fragile.url())
            assert await answers(database)
            with frozen(postmaster):
                assert database.connections == 1
                await eventually_true(is_returned)
                # Times out like the attempt to return the other connection.
                assert not await answers(database)
            await eventually_true(lambda: answers(database))
            await eventually_true(is_returned)

    async def test_opens_without_a_server(self) -> None:
        async with Database("postgresql://nobody@127.0.0.1:1/gymlocker", pool_size=1) as database:
            assert not await answers(database)

    async def test_replaces_connections_ended_by_server(
        self, database: Database, connection: asyncpg.Connection
    ) -> None:
        await asyncio.gather(*(database.fetch(ONE) for _ in range(2)))
        assert database.connections == database.idle_connections == 2
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'gymlocker' AND datname = current_database()"
        )

        async def noticed() -> bool:
            return database.connections == 0

        await eventually_true(noticed)
        # No call fails before the broken connections are replaced.
        assert await asyncio.gather(*(answers(database) for _ in range(4))) == [True] * 4
