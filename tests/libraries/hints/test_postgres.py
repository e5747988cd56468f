"""Hints by LISTEN and NOTIFY of a real PostgreSQL."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
from structlog.testing import capture_logs

from server.libraries.database.errors import unavailable
from server.libraries.database.pool import Connection, Database
from server.libraries.hints import hints as hints_module
from server.libraries.hints import postgres, transport
from server.libraries.hints.hint import Hint, Topic
from server.libraries.hints.hints import ORIGIN_BYTES, Hints
from server.libraries.hints.postgres import CHANNEL, MAX_BYTES, PostgresTransport
from server.programs.local.temporary_postgres import TemporaryPostgres
from tests.libraries.database.conftest import make_database
from tests.libraries.hints.conftest import running
from tests.programs.diagnostics.pgbouncer import pgbouncer, prepared_statements, url_through
from tests.support.waiting import eventually

USER = UUID(int=1)
TERMINATE_LISTENERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE application_name = 'gymlocker-hints' AND datname = current_database()"
)


def hints_on(pool: Database, url: str) -> tuple[Hints, list[Hint]]:
    """Return the hints of a worker, and a list of those that it gets."""
    hints, received = Hints(PostgresTransport(pool, url)), list[Hint]()
    hints.subscribe(received.append)
    return hints, received


@pytest.fixture
async def connection(empty_database: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to `empty_database`."""
    connection = await asyncpg.connect(empty_database)
    yield connection
    await connection.close()


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check and reconnect often."""
    monkeypatch.setattr(postgres, "CHECK_SECONDS", 0.05)
    monkeypatch.setattr(postgres, "HEAR_SECONDS", 0.5)
    monkeypatch.setattr(transport, "MAX_PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(hints_module, "MISSED_SECONDS", 0)


def live(*every: Hints) -> Callable[[], bool]:
    return lambda: all(hints.is_live for hints in every)


class TestSend:
    async def test_two_workers_hear_each_other(self, pool: Database, empty_database: str) -> None:
        first, got_first = hints_on(pool, empty_database)
        second, got_second = hints_on(pool, empty_database)
        async with running(first, second):
            await eventually(live(first, second))
            first.publish(Topic.EVENTS, USER)
            await eventually(lambda: len(got_second) > 0)
            second.publish(Topic.INBOX, USER)
            await eventually(lambda: len(got_first) == 2)
        assert got_first == [Hint(Topic.EVENTS, USER), Hint(Topic.INBOX, USER)]
        assert got_second == got_first
        assert (first.received, second.received) == (1, 1)

    async def test_worker_on_other_database_hears_nothing(
        self, pool: Database, empty_database: str, postgres: TemporaryPostgres
    ) -> None:
        other_url = await make_database(postgres, "other_hints")
        async with Database(other_url, pool_size=2) as other_pool:
            here, _ = hints_on(pool, empty_database)
            there, got_there = hints_on(pool, empty_database)
            other, got_elsewhere = hints_on(other_pool, other_url)
            async with running(here, there, other):
                await eventually(live(here, there, other))
                for _ in range(20):
                    here.publish(Topic.EVENTS, uuid4())
                await eventually(lambda: len(got_there) == 20)
        assert got_elsewhere == []

    async def test_sends_many_hints(self, pool: Database, empty_database: str) -> None:
        here, _ = hints_on(pool, empty_database)
        there, received = hints_on(pool, empty_database)
        users = [uuid4() for _ in range(2000)]
        async with running(here, there):
            await eventually(live(here, there))
            for user in users:
                here.publish(Topic.EVENTS, user)
            await eventually(lambda: len(received) == len(users))
        assert [hint.user_id for hint in received] == users
        assert here.sent_batches < 10

    async def test_largest_message_fits(self, pool: Database, empty_database: str) -> None:
        received: list[bytes] = []
        message = b"\xff" * MAX_BYTES
        way = PostgresTransport(pool, empty_database)
        is_live = asyncio.Event()
        listening = asyncio.create_task(way.listen(received.append, lambda _: is_live.set()))
        await is_live.wait()
        await way.send(message)
        await eventually(lambda: len(received) > 0)
        listening.cancel()
        assert received == [message]

    async def test_does_not_wait_for_disk(
        self, empty_database: str, connection: asyncpg.Connection
    ) -> None:
        name = await connection.fetchval("SELECT current_database()")
        await connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = on")
        notify = postgres._NOTIFY
        arguments = notify.arguments({"channel": CHANNEL, "payload": ""})
        show = "SHOW synchronous_commit"

        async def setting_at_commit(inside: Connection) -> str:
            await inside.execute(notify.sql, *arguments)
            return str(await inside.fetchval(show))

        async with Database(empty_database, pool_size=1) as pool:
            assert await pool.transact(setting_at_commit) == "off"
            assert await pool.transact(lambda inside: inside.fetchval(show)) == "on"


class TestListen:
    async def test_ignores_malformed_notifications(
        self, pool: Database, empty_database: str, connection: asyncpg.Connection
    ) -> None:
        hints, received = hints_on(pool, empty_database)
        sound = b"a worker" + bytes([Topic.EVENTS]) + USER.bytes
        assert len(sound) == ORIGIN_BYTES + 17
        async with running(hints):
            await eventually(live(hints))
            for payload in ("", "no base64: ä", "AAAA", base64.b64encode(b"x" * 40).decode()):
                await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, payload)
            await connection.execute(
                "SELECT pg_notify($1, $2)", CHANNEL, base64.b64encode(sound).decode()
            )
            await eventually(lambda: len(received) > 0)
        assert received == [Hint(Topic.EVENTS, USER)]

    async def test_reconnects_after_its_connection_was_terminated(
        self,
        pool: Database,
        empty_database: str,
        connection: asyncpg.Connection,
        short_waits: None,
    ) -> None:
        sender, _ = hints_on(pool, empty_database)
        hints, received = hints_on(pool, empty_database)
        missed: list[bool] = []
        hints.on_missed(lambda: missed.append(hints.is_live))
        async with running(hints):
            await eventually(lambda: missed == [True])
            (terminated,) = await connection.fetch(TERMINATE_LISTENERS)
            assert terminated[0]
            await eventually(lambda: missed == [True, True])
            sender.publish(Topic.EVENTS, USER)
            await sender.close()
            await eventually(lambda: received == [Hint(Topic.EVENTS, USER)])

    async def test_reconnects_if_notifications_do_not_arrive(
        self,
        pool: Database,
        empty_database: str,
        short_waits: None,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        hints, _ = hints_on(pool, empty_database)

        # As on a TCP connection that is half open.
        async def lose(*_: str) -> None:
            pass

        async with running(hints):
            await eventually(live(hints))
            with monkeypatch.context() as patch:
                patch.setattr(PostgresTransport, "_notify", lose)
                await eventually(lambda: not hints.is_live)
            await eventually(live(hints))

    async def test_stays_live_while_pool_is_busy(
        self,
        pool: Database,
        empty_database: str,
        short_waits: None,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        changes, checks = list[bool](), list[str]()

        async def reject(_: PostgresTransport, channel: str, __: str) -> None:
            checks.append(channel)
            raise unavailable("every connection is in use")

        way = PostgresTransport(pool, empty_database)
        listening = asyncio.create_task(way.listen(lambda _: None, changes.append))
        await eventually(lambda: changes == [True])
        monkeypatch.setattr(PostgresTransport, "_notify", reject)
        await eventually(lambda: len(checks) > 2)
        assert changes == [True]
        listening.cancel()


@pytest.mark.extended
class TestPgBouncer:
    async def test_says_that_hints_do_not_arrive_in_transaction_mode(
        self,
        empty_database: str,
        postgres: TemporaryPostgres,
        pgbouncer_folder: Path,
        short_waits: None,
    ) -> None:
        name = empty_database.partition("?")[0].rpartition("/")[2]
        settings = {"default_pool_size": 5, **prepared_statements()}
        async with pgbouncer(postgres, pgbouncer_folder, pool_mode="transaction", **settings) as at:
            url = url_through(at, name)
            async with Database(url, pool_size=2) as pool:
                hints, _ = hints_on(pool, url)
                with capture_logs() as logs:
                    async with running(hints):
                        await eventually(
                            lambda: any(log["event"] == "hints_interrupted" for log in logs)
                        )
                        assert not hints.is_live
                    advice = [log for log in logs if log["event"] == "hints_do_not_arrive"]
        assert len(advice) == 1 and "NATS_URL" in advice[0]["advice"]

    async def test_hints_arrive_in_session_mode(
        self, empty_database: str, postgres: TemporaryPostgres, pgbouncer_folder: Path
    ) -> None:
        name = empty_database.partition("?")[0].rpartition("/")[2]
        async with pgbouncer(postgres, pgbouncer_folder, pool_mode="session") as at:
            url = url_through(at, name)
            async with Database(url, pool_size=2) as pool:
                here, _ = hints_on(pool, url)
                there, received = hints_on(pool, url)
                async with running(here, there):
                    await eventually(live(here, there))
                    here.publish(Topic.ACCESS, USER)
                    await eventually(lambda: received == [Hint(Topic.ACCESS, USER)])
