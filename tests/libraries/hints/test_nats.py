"""Hints by a real NATS server."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
from nats.errors import Error, SecureConnRequiredError
from structlog.testing import capture_logs

from server.errors import Unavailable
from server.libraries.database.pool import Database
from server.libraries.hints import hints as hints_module
from server.libraries.hints import nats, transport
from server.libraries.hints.hint import Hint, Topic
from server.libraries.hints.hints import Hints
from server.libraries.hints.nats import MAX_BYTES, NatsTransport, connected_to
from server.programs.local.temporary_postgres import TemporaryPostgres
from tests.libraries.database.conftest import make_database
from tests.libraries.hints.conftest import running
from tests.support.nats import NatsServer, running_nats
from tests.support.ports import free_port
from tests.support.waiting import eventually

pytestmark = pytest.mark.extended

USER = UUID(int=1)
IDENTITY = """
CREATE TABLE incarnations (id uuid PRIMARY KEY, cursor_key bytea);
INSERT INTO incarnations (id) VALUES (gen_random_uuid());
"""
# Reserved characters, percent-encoded in the URL.
PASSWORD, IN_URL = "s@cret:/,", "s%40cret%3A%2F%2C"


@pytest.fixture
def server() -> Iterator[NatsServer]:
    with running_nats() as server:
        yield server


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reconnect often."""
    monkeypatch.setattr(transport, "MAX_PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(hints_module, "MISSED_SECONDS", 0)


async def identified(url: str) -> str:
    """Give a database an identity; return its URL."""
    connection = await asyncpg.connect(url)
    await connection.execute(IDENTITY)
    await connection.close()
    return url


@pytest.fixture
async def identified_pool(empty_database: str) -> AsyncIterator[Database]:
    """A pool of connections to a database with an identity."""
    async with Database(await identified(empty_database), pool_size=2) as pool:
        yield pool


def hints_by(pool: Database, *urls: str) -> tuple[Hints, list[Hint]]:
    """Return the hints of a worker, and a list of those that it gets."""
    hints, received = Hints(NatsTransport(urls, pool)), list[Hint]()
    hints.subscribe(received.append)
    return hints, received


def live(*every: Hints) -> Callable[[], bool]:
    return lambda: all(hints.is_live for hints in every)


class TestSend:
    async def test_two_workers_hear_each_other(
        self, server: NatsServer, identified_pool: Database
    ) -> None:
        first, got_first = hints_by(identified_pool, server.url)
        second, got_second = hints_by(identified_pool, server.url)
        users = [uuid4() for _ in range(5000)]
        async with running(first, second):
            await eventually(live(first, second))
            for user in users:
                first.publish(Topic.EVENTS, user)
            await eventually(lambda: len(got_second) == len(users))
            second.publish(Topic.INBOX, USER)
            await eventually(lambda: len(got_first) > len(users))
        assert [hint.user_id for hint in got_second] == [*users, USER]
        assert (first.received, second.received) == (1, len(users))

    async def test_two_databases_do_not_hear_each_other(
        self, server: NatsServer, identified_pool: Database, postgres: TemporaryPostgres
    ) -> None:
        other_url = await identified(await make_database(postgres, "other_hints"))
        async with Database(other_url, pool_size=2) as other_pool:
            here, _ = hints_by(identified_pool, server.url)
            there, got_there = hints_by(identified_pool, server.url)
            other, got_elsewhere = hints_by(other_pool, server.url)
            async with running(here, there, other):
                await eventually(live(here, there, other))
                here.publish(Topic.EVENTS, USER)
                await eventually(lambda: got_there == [Hint(Topic.EVENTS, USER)])
                other.publish(Topic.INBOX, USER)
                await eventually(lambda: len(got_elsewhere) == 1)
        assert got_elsewhere == [Hint(Topic.INBOX, USER)] and len(got_there) == 1

    async def test_process_that_does_not_listen_sends(
        self, server: NatsServer, identified_pool: Database
    ) -> None:
        hints, received = hints_by(identified_pool, server.url)
        command, _ = hints_by(identified_pool, server.url)
        async with running(hints):
            await eventually(live(hints))
            command.publish(Topic.ACCESS, USER)
            await command.close()
            await eventually(lambda: received == [Hint(Topic.ACCESS, USER)])
        assert command.dropped == 0

    async def test_largest_message_fits(
        self, server: NatsServer, identified_pool: Database
    ) -> None:
        received: list[bytes] = []
        way, is_live = NatsTransport([server.url], identified_pool), asyncio.Event()
        listening = asyncio.create_task(way.listen(received.append, lambda _: is_live.set()))
        await is_live.wait()
        await NatsTransport([server.url], identified_pool).send(b"\xff" * MAX_BYTES)
        await eventually(lambda: len(received) > 0)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        assert received == [b"\xff" * MAX_BYTES]

    async def test_server_that_is_down_is_no_error(self, identified_pool: Database) -> None:
        hints, received = hints_by(identified_pool, f"nats://127.0.0.1:{free_port()}")
        with capture_logs() as logs:
            hints.publish(Topic.ACCESS, USER)
            await hints.close()
        assert received == [Hint(Topic.ACCESS, USER)] and hints.dropped == 1
        assert "canary" not in str(logs)

    async def test_raises_while_database_is_unknown(self, server: NatsServer) -> None:
        async with Database(f"postgresql://127.0.0.1:{free_port()}/none", pool_size=1) as pool:
            with pytest.raises(Unavailable):
                await NatsTransport([server.url], pool).send(b"some hint")


class TestListen:
    async def test_reconnects_after_restart_of_server(
        self, server: NatsServer, identified_pool: Database
    ) -> None:
        sender, _ = hints_by(identified_pool, server.url)
        hints, received = hints_by(identified_pool, server.url)
        missed: list[bool] = []
        hints.on_missed(lambda: missed.append(hints.is_live))
        async with running(hints):
            await eventually(lambda: missed == [True])
            server.kill()
            await eventually(lambda: not hints.is_live)
            server.start()
            await eventually(lambda: missed == [True, True])
            sender.publish(Topic.EVENTS, USER)
            await sender.close()
            await eventually(lambda: received == [Hint(Topic.EVENTS, USER)])

    async def test_notices_server_that_hangs(
        self, server: NatsServer, identified_pool: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(nats, "PING_SECONDS", 0.1)
        hints, _ = hints_by(identified_pool, server.url)
        async with running(hints):
            await eventually(live(hints))
            server.send_signal(signal.SIGSTOP)
            await eventually(lambda: not hints.is_live)
            server.send_signal(signal.SIGCONT)
            await eventually(live(hints))

    async def test_uses_server_that_is_up(
        self, server: NatsServer, identified_pool: Database
    ) -> None:
        down = f"nats://127.0.0.1:{free_port()}"
        for _ in range(3):  # in random order
            hints, _ = hints_by(identified_pool, down, server.url)
            async with running(hints):
                await eventually(live(hints))

    async def test_is_not_live_without_permission_to_subscribe(
        self, identified_pool: Database, tmp_path: Path
    ) -> None:
        configuration = tmp_path / "nats.conf"
        configuration.write_text(NO_SUBSCRIPTIONS)
        with running_nats("--config", str(configuration)) as server:
            hints, _ = hints_by(identified_pool, server.url_for("worker", "canary"))
            with capture_logs() as logs:
                async with running(hints):
                    await eventually(
                        lambda: any(log["event"] == "hints_interrupted" for log in logs)
                    )
                    assert not hints.is_live
        assert "canary" not in str(logs)


NO_SUBSCRIPTIONS = """
authorization { users = [{
  user: worker, password: canary, permissions: { publish: ">", subscribe: { deny: ">" } }
}] }
"""


class TestCredentials:
    async def test_decodes_user_and_password(self) -> None:
        with running_nats("--user", "a b", "--pass", PASSWORD) as server:
            async with connected_to([server.url_for("a%20b", IN_URL)]) as client:
                assert client.is_connected
            with pytest.raises(Error):
                async with connected_to([server.url_for("a%20b", "wrong")]):
                    pass

    async def test_sends_token(self) -> None:
        with running_nats("--auth", PASSWORD) as server:
            async with connected_to([server.url_for(IN_URL)]) as client:
                assert client.is_connected

    async def test_keeps_password_from_server_without_tls(self) -> None:
        seen: list[bytes] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b'INFO {"server_id":"x","max_payload":1048576,"auth_required":true}\r\n')
            seen.append(await reader.read())
            writer.close()

        listener = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        with pytest.raises(SecureConnRequiredError):
            async with connected_to([f"tls://user:canary@127.0.0.1:{port}"]):
                pass
        await eventually(lambda: len(seen) > 0)
        listener.close()
        assert b"".join(seen) == b""
