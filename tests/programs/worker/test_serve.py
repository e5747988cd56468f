"""`gymlocker serve`: a worker as a process."""

import signal
from contextlib import suppress
from pathlib import Path
from socket import create_server
from typing import Any

import grpc
import pytest

from tests.support.ports import free_port
from tests.support.worker import TIMEOUT, health, serving

pytestmark = pytest.mark.extended

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
