"""A URL with several hosts: a primary and a standby of it, one of which may hang."""

import time
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, quote, urlsplit

import asyncpg
import pytest
from sqlalchemy import text

from server.errors import Unavailable
from server.libraries.database.connect import CONNECT_SECONDS, connect
from server.libraries.database.migrations import migrate
from server.libraries.database.pool import Database
from server.libraries.database.statement import Statement
from server.programs.local.temporary_postgres import TemporaryPostgres, temporary_postgres
from tests.libraries.database.postmaster import frozen, postmaster_of
from tests.libraries.database.standby import standby_of
from tests.support.command import gymlocker
from tests.support.waiting import eventually_true

WRITE = Statement(text("INSERT INTO note DEFAULT VALUES"))
IS_STANDBY = Statement(text("SELECT pg_is_in_recovery()"))


def in_query(*servers: TemporaryPostgres) -> str:
    """A URL that names the hosts in the query."""
    hosts = ",".join(_socket(server) for server in servers)
    return f"postgresql://gymlocker:canary@/gymlocker?host={quote(hosts)}&port=5432,5432"


def in_authority(*servers: TemporaryPostgres) -> str:
    """A URL that names the hosts before the path."""
    hosts = ",".join(f"{quote(_socket(server), safe='')}:5432" for server in servers)
    return f"postgresql://gymlocker:canary@{hosts}/gymlocker"


def _socket(server: TemporaryPostgres) -> str:
    return parse_qs(urlsplit(server.url()).query)["host"][0]


FORMS = pytest.mark.parametrize("form", [in_query, in_authority])


@pytest.fixture(scope="module")
def primary() -> Iterator[TemporaryPostgres]:
    with temporary_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def standby(primary: TemporaryPostgres) -> Iterator[TemporaryPostgres]:
    with standby_of(primary) as server:
        yield server


Form = Callable[..., str]


@FORMS
async def test_the_one_that_takes_writes_is_found_wherever_it_stands(
    primary: TemporaryPostgres, standby: TemporaryPostgres, form: Form
) -> None:
    for servers in ((standby, primary), (primary, standby)):
        connection = await connect(form(*servers))
        assert not await connection.fetchval("SELECT pg_is_in_recovery()")
        await connection.close()


@FORMS
async def test_another_wish_is_heard(
    primary: TemporaryPostgres, standby: TemporaryPostgres, form: Form
) -> None:
    url = form(primary, standby)
    wish = f"{url}{'&' if '?' in url else '?'}target_session_attrs=standby"
    connection = await connect(wish)
    assert await connection.fetchval("SELECT pg_is_in_recovery()")
    await connection.close()


@FORMS
async def test_one_that_hangs_keeps_nobody_from_the_next(
    primary: TemporaryPostgres, standby: TemporaryPostgres, form: Form
) -> None:
    with frozen(await postmaster_of(standby.url())):
        connection = await connect(form(standby, primary))
        assert not await connection.fetchval("SELECT pg_is_in_recovery()")
        await connection.close()
        # `migrate` and `doctor` find it, too, and tell nobody the password.
        await migrate(form(standby, primary), None, lambda _: None)
        ended = await gymlocker("doctor", DATABASE_URL=form(standby, primary))
        assert "ok      database: is writable" in ended.output
        assert "canary" not in ended.output + ended.errors


async def test_only_standbys_are_a_database_that_is_read_only(standby: TemporaryPostgres) -> None:
    async with Database(in_query(standby, standby), pool_size=1) as database:
        with pytest.raises(Unavailable) as refused:
            await database.fetch(IS_STANDBY)
        assert refused.value.reason == "READ_ONLY"


async def test_none_that_answers_is_a_database_out_of_reach(
    primary: TemporaryPostgres, standby: TemporaryPostgres
) -> None:
    began = time.monotonic()
    with frozen(await postmaster_of(standby.url())):
        async with Database(in_query(standby, standby), pool_size=1) as database:
            with pytest.raises(Unavailable) as refused:
                await database.fetch(IS_STANDBY)
    assert refused.value.reason == "DATABASE_UNAVAILABLE"
    # Side by side: both had their time at once.
    assert time.monotonic() - began < 3 * CONNECT_SECONDS


async def test_after_a_failover_the_new_primary_is_found() -> None:
    with temporary_postgres() as primary, standby_of(primary) as standby:
        connection = await asyncpg.connect(primary.url())
        await connection.execute("CREATE TABLE note (id serial)")
        await connection.close()
        async with Database(in_authority(primary, standby), pool_size=2) as database:
            await database.execute(WRITE)

            async def writes() -> bool:
                try:
                    await database.execute(WRITE)
                except Unavailable:
                    return False
                return True

            follower = await asyncpg.connect(standby.url())

            async def has_followed() -> bool:
                return bool(await follower.fetchval("SELECT to_regclass('note') IS NOT NULL"))

            await eventually_true(has_followed)
            with frozen(await postmaster_of(primary.url())):
                assert await follower.fetchval("SELECT pg_promote()")
                await follower.close()
                # The one that hangs is still listed first.
                await eventually_true(writes)
                assert [row[0] for row in await database.fetch(IS_STANDBY)] == [False]
