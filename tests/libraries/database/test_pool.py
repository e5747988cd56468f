"""The pool of connections: what it does when the database does not do its part."""

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
async def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds become tenths."""
    monkeypatch.setattr(asyncpg_pool, "CONNECT_SECONDS", 0.5)
    monkeypatch.setattr(pool, "ACQUIRE_SECONDS", 0.5)
    monkeypatch.setattr(ONE, "seconds", 1)
    monkeypatch.setattr(SLOW, "seconds", 1)


async def answers(database: Database) -> bool:
    """Whether the database answers; if not, it is Unavailable and nothing else."""
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
    """How many calls are held in the database."""
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%'"
        " AND state = 'active' AND pid <> pg_backend_pid() AND datname = current_database()"
    )
    return int(await connection.fetchval(query))


async def test_rows_come_back(database: Database) -> None:
    assert [dict(row) for row in await database.fetch(ONE)] == [{"one": 1}]
    assert await answers(database)


async def test_nothing_found_is_none(database: Database) -> None:
    assert await database.fetch_one(Statement(text("SELECT 1 WHERE false"))) is None


async def test_a_call_that_finds_all_connections_taken_is_turned_away_in_time(
    database: Database, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "ACQUIRE_SECONDS", 0.2)

    async def two_are_held() -> bool:
        return await sleeping(connection) == 2

    async with held(database, 2):
        await eventually_true(two_are_held)
        with pytest.raises(Unavailable) as turned_away:
            await database.fetch(ONE)
        assert turned_away.value.reason == "DATABASE_UNAVAILABLE"
    monkeypatch.undo()
    assert await answers(database)


async def test_a_cancelled_call_gives_its_connection_back_and_ends_in_the_database(
    database: Database, connection: asyncpg.Connection
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


async def test_a_statement_that_takes_too_long_is_given_up(
    empty_database: str, impatient: None
) -> None:
    async with Database(empty_database, pool_size=1) as database:
        with pytest.raises(Unavailable):
            await database.fetch(SLOW)
        assert await answers(database)


async def test_a_transaction_is_undone_by_an_exception(
    database: Database, connection: asyncpg.Connection
) -> None:
    await connection.execute(CREATE)

    async def insert_and_fail(inside: Connection) -> None:
        await inside.execute("INSERT INTO note VALUES (1, 'undone')")
        raise LookupError

    async def insert(inside: Connection) -> str:
        await inside.execute("INSERT INTO note VALUES (2, 'kept')")
        return "what it returned"

    with pytest.raises(LookupError):
        await database.transact(insert_and_fail)
    assert await database.transact(insert) == "what it returned"
    assert [row["id"] for row in await connection.fetch("SELECT id FROM note")] == [2]


async def test_errors_that_are_the_callers_business_stay_what_they_are(
    database: Database, connection: asyncpg.Connection
) -> None:
    await connection.execute(CREATE)
    await database.execute(INSERT, id=1, words="first")
    with pytest.raises(asyncpg.UniqueViolationError):
        await database.execute(INSERT, id=1, words="second")


async def test_an_argument_that_cannot_be_one_is_a_fault_of_ours_and_not_of_the_database(
    database: Database, connection: asyncpg.Connection
) -> None:
    await connection.execute(CREATE)
    with pytest.raises(asyncpg.DataError):
        await database.execute(INSERT, id="no number", words="")


async def test_a_connection_that_the_server_is_just_ending_is_unavailable(
    database: Database,
) -> None:
    async def come_between(_: Connection) -> None:
        # What asyncpg says between the server's last word and the end of the connection.
        raise asyncpg.InternalClientError("cannot switch to state 12; another operation")

    with pytest.raises(Unavailable):
        await database.transact(come_between)


@pytest.fixture(scope="module")
def mortal() -> Iterator[TemporaryPostgres]:
    """A PostgreSQL to be killed; it is started again each time."""
    with temporary_postgres() as postgres:
        yield postgres


async def test_a_server_that_is_gone_is_unavailable_until_it_is_back(
    mortal: TemporaryPostgres,
) -> None:
    async with Database(mortal.url(), pool_size=3) as database:
        assert await answers(database)
        postmaster = await postmaster_of(mortal.url())
        in_flight = asyncio.create_task(database.fetch(SLOW))
        watcher = await asyncpg.connect(mortal.url())

        async def is_held() -> bool:
            return await sleeping(watcher) == 1

        await eventually_true(is_held)
        postmaster.kill()
        with pytest.raises(Unavailable):
            await in_flight
        assert not await answers(database)
        await eventually_true(lambda: answers(database))
        watcher.terminate()


async def test_a_server_that_swallows_everything_is_unavailable_until_it_goes_on(
    mortal: TemporaryPostgres, impatient: None
) -> None:
    async with Database(mortal.url(), pool_size=3) as database:
        await eventually_true(lambda: answers(database))
        with frozen(await postmaster_of(mortal.url())):
            for _ in range(2):
                calls = (answers(database) for _ in range(8))
                assert await asyncio.gather(*calls) == [False] * 8
        await eventually_true(lambda: answers(database))


async def test_connections_go_back_to_the_pool_again_when_one_could_not(
    mortal: TemporaryPostgres, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Returned after so many statements, a connection is closed, of which the server is told.
    monkeypatch.setattr(asyncpg, "create_pool", partial(asyncpg.create_pool, max_queries=1))
    monkeypatch.setattr(pool, "KEEP_SECONDS", 0.3)
    async with Database(mortal.url(), pool_size=1) as database:

        async def is_returned() -> bool:
            return database.connections == 0

        await eventually_true(lambda: answers(database))
        await eventually_true(is_returned)
        postmaster = await postmaster_of(mortal.url())
        assert await answers(database)
        with frozen(postmaster):
            assert database.connections == 1
            await eventually_true(is_returned)
            # Which takes as long as it took to give the other one up.
            assert not await answers(database)
        await eventually_true(lambda: answers(database))
        await eventually_true(is_returned)


async def test_a_pool_opens_while_the_server_is_away_and_works_when_it_is_there() -> None:
    async with Database("postgresql://nobody@127.0.0.1:1/gymlocker", pool_size=1) as database:
        assert not await answers(database)


async def test_connections_that_were_ended_by_the_server_are_replaced(
    database: Database, connection: asyncpg.Connection
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
    # Nobody has to find out for the others.
    assert await asyncio.gather(*(answers(database) for _ in range(4))) == [True] * 4
