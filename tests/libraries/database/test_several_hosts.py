"""A URL with several hosts: a primary and its standby, one of which may hang."""

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

pytestmark = pytest.mark.extended

WRITE = Statement(text("INSERT INTO note DEFAULT VALUES"))
IS_STANDBY = Statement(text("SELECT pg_is_in_recovery()"))


def in_query(*servers: TemporaryPostgres) -> str:
    """Return a URL that names the hosts in the query."""
    hosts = ",".join(_socket(server) for server in servers)
    return f"postgresql://gymlocker:canary@/gymlocker?host={quote(hosts)}&port=5432,5432"


def in_authority(*servers: TemporaryPostgres) -> str:
    """Return a URL that names the hosts before the path."""
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


class TestConnect:
    @FORMS
    async def test_finds_writable_host_at_any_position(
        self, primary: TemporaryPostgres, standby: TemporaryPostgres, form: Form
    ) -> None:
        for servers in ((standby, primary), (primary, standby)):
            connection = await connect(form(*servers))
            assert not await connection.fetchval("SELECT pg_is_in_recovery()")
            await connection.close()

    @FORMS
    async def test_respects_target_session_attrs(
        self, primary: TemporaryPostgres, standby: TemporaryPostgres, form: Form
    ) -> None:
        url = form(primary, standby)
        requested = f"{url}{'&' if '?' in url else '?'}target_session_attrs=standby"
        connection = await connect(requested)
        assert await connection.fetchval("SELECT pg_is_in_recovery()")
        await connection.close()

    @FORMS
    async def test_hanging_host_does_not_block_the_next(
        self, primary: TemporaryPostgres, standby: TemporaryPostgres, form: Form
    ) -> None:
        with frozen(await postmaster_of(standby.url())):
            connection = await connect(form(standby, primary))
            assert not await connection.fetchval("SELECT pg_is_in_recovery()")
            await connection.close()
            # `migrate` and `doctor` find it, too, and do not print the password.
            await migrate(form(standby, primary), None, lambda _: None)
            ended = await gymlocker("doctor", DATABASE_URL=form(standby, primary))
            assert "ok      database: is writable" in ended.output
            assert "canary" not in ended.output + ended.errors


class TestDatabase:
    async def test_only_standbys_are_read_only(self, standby: TemporaryPostgres) -> None:
        async with Database(in_query(standby, standby), pool_size=1) as database:
            with pytest.raises(Unavailable) as rejected:
                await database.fetch(IS_STANDBY)
            assert rejected.value.reason == "READ_ONLY"

    async def test_only_hanging_hosts_are_unavailable(
        self, primary: TemporaryPostgres, standby: TemporaryPostgres
    ) -> None:
        began = time.monotonic()
        with frozen(await postmaster_of(standby.url())):
            async with Database(in_query(standby, standby), pool_size=1) as database:
                with pytest.raises(Unavailable) as rejected:
                    await database.fetch(IS_STANDBY)
        assert rejected.value.reason == "DATABASE_UNAVAILABLE"
        # The hosts are tried concurrently.
        assert time.monotonic() - began < 3 * CONNECT_SECONDS

    async def test_finds_new_primary_after_failover(self) -> None:
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
                    # The host that hangs is still listed first.
                    await eventually_true(writes)
                    assert [row[0] for row in await database.fetch(IS_STANDBY)] == [False]
