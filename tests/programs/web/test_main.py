"""The web process: addresses, health and shutdown."""

import asyncio
import json
import signal
import socket
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import connect

from server.errors import StartError
from server.programs.web.app import Hubs, create_app, health_route
from server.programs.web.chat_client import ChatClient
from server.programs.web.connection_counts import ConnectionCounts
from server.programs.web.connection_limits import DEFAULT_LIMITS
from server.programs.web.main import web_server
from tests.support.ports import free_port

from .client import Front, Signal, message
from .conftest import TODAY, serving
from .fake_api import FakeAi

PROGRAM = """
import sys, uvloop
from server.libraries.common.logging import configure_logging
from server.programs.web.main import serve_web
configure_logging("info")
uvloop.run(serve_web(sys.argv[1], (sys.argv[2],)))
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a path short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="web-") as name:
        yield Path(name)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signal_stops_process(api: FakeAi, folder: Path, number: signal.Signals) -> None:
    path = f"{folder}/web.sock"
    arguments = (sys.executable, "-c", PROGRAM, f"unix:{path}", api.address)
    process = await asyncio.create_subprocess_exec(*arguments, stderr=asyncio.subprocess.PIPE)
    assert process.stderr
    try:
        assert json.loads(await process.stderr.readline())["event"] == "serving"
        async with Front(path).connect(token="Web good") as client:
            await client.call("SendMessage", "wait")
            await api.until(lambda: api.open_chats == 1)
            process.send_signal(number)
            last, code = await client.end()
        assert (last, code) == ({"type": 7, "allowReconnect": True}, 1001)
        await api.until(lambda: api.open_chats == 0)
        async with asyncio.timeout(5):
            output = (await process.stderr.read()).decode()
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    lines = [json.loads(line) for line in output.splitlines()]
    assert [line["event"] for line in lines] == ["stopping", "connection"]
    ended = lines[1]
    assert (ended["hub"], ended["ended"]) == ("/ai-chat", "stopped")
    assert ended["seconds"] >= 0
    assert "Web good" not in output


async def test_serves_over_tcp(api: FakeAi) -> None:
    address = f"127.0.0.1:{free_port()}"
    async with web_server(address, (api.address,)):
        url = f"ws://{address}/ai-chat?access_token=Web%20good"
        async with connect(url) as client:
            talk = Signal(client)
            await talk.shake_hands()
            assert await talk.invoke("StopInProgress") == ([], None)


async def test_rejects_taken_address(api: FakeAi) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(StartError, match="in use"):
            async with web_server(address, (api.address,)):
                pass
    async with serving(api.address) as front:
        with pytest.raises(StartError, match="in use"):
            async with web_server(f"unix:{front.path}", (api.address,)):
                pass


@pytest.mark.parametrize("address", ["nonsense", "unix:/nowhere/web.sock", "127.0.0.1:99999"])
async def test_rejects_invalid_address(api: FakeAi, address: str) -> None:
    with pytest.raises(StartError, match="Give another one"):
        async with web_server(address, (api.address,)):
            pass


async def test_replaces_leftover_socket(api: FakeAi, folder: Path) -> None:
    path = folder / "web.sock"
    for _ in range(2):
        async with web_server(f"unix:{path}", (api.address,)):
            assert permissions(path) == 0o600
        assert permissions(path) == 0o600


def permissions(path: Path) -> int:
    """Return the permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


async def test_health_is_independent_of_workers() -> None:
    async with serving("unix:/nowhere/api.sock") as front:
        well = await front.get("/health")
    assert (well.status_code, well.json()) == (200, {"status": "ok"})
    assert well.headers["cache-control"] == "no-store"


async def test_health_is_503_while_stopping(api: FakeAi) -> None:
    workers = ChatClient((api.address,))
    hubs = Hubs(workers, DEFAULT_LIMITS, lambda: TODAY, ConnectionCounts())
    await hubs.stop()
    transport = httpx2.ASGITransport(create_app([health_route(hubs)]))
    async with httpx2.AsyncClient(transport=transport, base_url="http://web") as client:
        response = await client.get("/health")
    await workers.close()
    assert (response.status_code, response.json()["details"][0]["reason"]) == (503, "UNAVAILABLE")


async def test_stop_closes_all_connections(api: FakeAi) -> None:
    async with AsyncExitStack() as served, AsyncExitStack() as clients:
        front = await served.enter_async_context(serving(api.address))
        waiting, idle = [
            await clients.enter_async_context(front.connect(hub))
            for hub in ("/ai-chat", "/ai-chat-v2")
        ]
        without_handshake = await clients.enter_async_context(front.socket())
        await waiting.call("SendMessage", "wait")
        await api.until(lambda: api.open_chats == 1)
        stopping = asyncio.create_task(served.aclose())
        for client in (waiting, idle):
            assert await client.end() == ({"type": 7, "allowReconnect": True}, 1001)
        assert await without_handshake.end() == (None, 1001)
        await stopping
        await api.until(lambda: api.open_chats == 0)


async def test_stop_fails_calls_in_flight(api: FakeAi) -> None:
    away = "The server cannot answer right now. Try again."
    async with AsyncExitStack() as served, AsyncExitStack() as clients:
        front = await served.enter_async_context(serving(api.address))
        client = await clients.enter_async_context(front.connect())
        calls = [client.invocation("SendMessage", text) for text in ("wait", "next", "last")]
        await client.send(*calls)
        # Two calls are in flight, and one is waiting.
        await api.until(lambda: len(api.heard) == 2)
        assert (await client.receive())["arguments"] == [message("Waiting")]
        stopping = asyncio.create_task(served.aclose())
        shown: list[Any] = []
        failed: list[str] = []
        while (received := await client.receive())["type"] != 7:
            if received["type"] == 3:
                assert received["error"] == away
                failed.append(received["invocationId"])
            else:
                shown += received["arguments"]
        assert failed == [call["invocationId"] for call in calls]
        assert shown == [message(f"Waiting\n\n{away}"), message(away), message(away)]
        await stopping
    # The waiting call was not sent.
    assert len(api.heard) == 2
