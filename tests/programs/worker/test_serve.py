"""`gymlocker serve`: a worker as a process."""

import signal
from contextlib import suppress
from pathlib import Path
from socket import create_server
from typing import Any

import grpc
import httpx2
import pytest
from websockets.asyncio.client import unix_connect

from tests.programs.gateway.authority import HOST, Authority
from tests.programs.web.client import Signal
from tests.support.ports import free_port
from tests.support.waiting import eventually
from tests.support.worker import TIMEOUT, health, serving

pytestmark = pytest.mark.extended

KEY = "a-key-of-the-server"
HUB = "ws://hub/ai-chat-v2"
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_exits_cleanly_on_a_signal(
    migrated_database: str, tmp_path: Path, number: signal.Signals
) -> None:
    socket = tmp_path / "worker.sock"
    async with serving(socket, migrated_database) as worker:
        assert await health(socket) == "ok"
        worker.send_signal(number)
        assert await worker.wait() == 0


async def test_serves_calls_when_the_log_is_full(migrated_database: str, tmp_path: Path) -> None:
    socket = tmp_path / "worker.sock"
    async with serving(socket, migrated_database, stderr="/dev/full") as worker:
        assert await health(socket) == "ok"
        worker.send_signal(signal.SIGTERM)
        assert await worker.wait() == 0


async def test_rejects_a_socket_in_use(migrated_database: str, tmp_path: Path) -> None:
    socket, log = tmp_path / "worker.sock", tmp_path / "second.log"
    async with serving(socket, migrated_database) as first:
        assert await health(socket) == "ok"
        async with serving(socket, migrated_database, stderr=str(log)) as second:
            assert await second.wait() == 1
        assert "Cannot listen on unix:" in log.read_text()
        assert await health(socket) == "ok"
        assert first.returncode is None


async def test_rejects_a_name_with_one_address_in_use(
    migrated_database: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with create_server(("127.0.0.1", free_port())) as other:
        listen = f"--listen=localhost:{other.getsockname()[1]}"
        async with serving(
            tmp_path / "unused", migrated_database, listen, stderr=str(log)
        ) as worker:
            assert await worker.wait() == 1
    assert "Cannot listen on localhost:" in log.read_text()


async def test_replaces_a_stale_socket(migrated_database: str, tmp_path: Path) -> None:
    socket = tmp_path / "worker.sock"
    async with serving(socket, migrated_database) as first:
        assert await health(socket) == "ok"
        first.kill()
        await first.wait()
    assert socket.exists()
    async with serving(socket, migrated_database):
        assert await health(socket) == "ok"


@pytest.mark.parametrize(("options", "code"), [((), "UNIMPLEMENTED"), (("--reflection",), "OK")])
async def test_reflection_is_off_by_default(
    migrated_database: str, tmp_path: Path, options: tuple[str, ...], code: str
) -> None:
    socket = tmp_path / "worker.sock"
    async with (
        serving(socket, migrated_database, *options),
        grpc.aio.insecure_channel(f"unix:{socket}") as channel,
    ):
        assert await health(socket) == "ok"
        reflect: Any = channel.stream_stream(REFLECTION)
        call = reflect(iter([b""]), timeout=TIMEOUT)
        with suppress(grpc.aio.AioRpcError):
            assert [response async for response in call]
        assert (await call.code()).name == code


class TestWebBesideWorker:
    async def test_serves_pages_and_chat(self, migrated_database: str, tmp_path: Path) -> None:
        socket, web = tmp_path / "worker.sock", tmp_path / "web.sock"
        options = (f"--web=unix:{web}", "--web-metrics=127.0.0.1:0")
        async with serving(socket, migrated_database, *options, API_KEY=KEY) as worker:
            await eventually(web.exists)
            assert await status(web, "/docs") == 200
            assert await status(web, "/health") == 200
            headers = {"x-api-key": KEY}
            async with unix_connect(str(web), HUB, additional_headers=headers) as connection:
                talk = Signal(connection)
                await talk.shake_hands()
                # The worker waits for the connections of the chat.
                worker.send_signal(signal.SIGTERM)
                assert await talk.end() == ({"type": 7, "allowReconnect": True}, 1001)
            assert await worker.wait() == 0

    async def test_stops_if_pages_cannot_be_served(
        self, migrated_database: str, tmp_path: Path
    ) -> None:
        log = tmp_path / "log"
        with create_server(("127.0.0.1", 0)) as other:
            web = f"--web=127.0.0.1:{other.getsockname()[1]}"
            async with serving(
                tmp_path / "worker.sock", migrated_database, web, stderr=str(log)
            ) as worker:
                assert await worker.wait() == 1
        assert "is in use" in log.read_text()

    async def test_rejects_tls(self, migrated_database: str, tmp_path: Path) -> None:
        log = tmp_path / "log"
        authority = Authority(tmp_path)
        authority.issue(tmp_path / "worker")
        options = (
            f"--listen={HOST}:{free_port()}",
            "--web=127.0.0.1:0",
            f"--tls-cert={tmp_path}/worker/chain.pem",
            f"--tls-key={tmp_path}/worker/key.pem",
            f"--tls-client-ca={authority.root}",
        )
        async with serving(
            tmp_path / "worker.sock", migrated_database, *options, stderr=str(log)
        ) as worker:
            assert await worker.wait() == 1
        assert "--web cannot be combined with" in log.read_text()


async def status(socket: Path, path: str) -> int:
    transport = httpx2.AsyncHTTPTransport(uds=str(socket))
    async with httpx2.AsyncClient(transport=transport, base_url="http://web") as http:
        return (await http.get(path)).status_code
