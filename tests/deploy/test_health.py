"""`gymlocker health`: exit code 0 for healthy processes, 1 and a reason for others."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from server.errors import StartError
from server.programs.diagnostics.health import check, check_http, check_tls
from server.programs.web.main import web_server
from tests.support.ports import free_port
from tests.support.stack import Stack

Status = health_pb2.HealthCheckResponse
CLOSED = "127.0.0.1:1"


@asynccontextmanager
async def server_with_status(status: int | None) -> AsyncIterator[str]:
    """Run a gRPC server that reports `status`, or has no health service; yield its address."""
    server = grpc.aio.server()
    port = server.add_insecure_port("127.0.0.1:0")
    if status is not None:
        servicer = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
        await servicer.set("", status)
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(None)


def run(*options: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-P", "-m", "server", "health", *options)
    return subprocess.run(command, capture_output=True, text=True, timeout=30, env=os.environ)


class TestCommand:
    def test_succeeds_for_running_stack(self, stack: Stack) -> None:
        for options in ((), ("--http",)):
            ended = run("--address", stack.address, *options)
            assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")

    def test_fails_without_server(self, tmp_path: Path) -> None:
        ended = run("--address", f"unix:{tmp_path}/missing.sock")
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.startswith(f"unix:{tmp_path}/missing.sock: UNAVAILABLE")
        assert "Traceback" not in ended.stderr


class TestCheck:
    async def test_accepts_serving(self) -> None:
        async with server_with_status(Status.SERVING) as address:
            await check(address, 5)

    async def test_rejects_not_serving(self) -> None:
        async with server_with_status(Status.NOT_SERVING) as address:
            with pytest.raises(StartError, match=f"{address}: NOT_SERVING"):
                await check(address, 5)

    async def test_rejects_server_without_health_service(self) -> None:
        async with server_with_status(None) as address:
            with pytest.raises(StartError, match=f"{address}: UNIMPLEMENTED"):
                await check(address, 5)

    async def test_rejects_server_without_response(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            address = f"127.0.0.1:{silent.getsockname()[1]}"
            with pytest.raises(StartError, match=f"{address}: (DEADLINE_EXCEEDED|UNAVAILABLE)"):
                await check(address, 0.3)


class TestCheckHttp:
    async def test_accepts_web_process(self, tmp_path: Path) -> None:
        address = f"127.0.0.1:{free_port()}"
        for listen in (address, f"unix:{tmp_path}/web.sock"):
            async with web_server(listen, (CLOSED,)):
                await check_http(listen, 5)

    async def test_rejects_error_status(self) -> None:
        async def respond(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 503 Sorry\r\ncontent-length: 3\r\n\r\nNo\n")
            writer.close()

        async with await asyncio.start_server(respond, "127.0.0.1") as server:
            address = "{}:{}".format(*server.sockets[0].getsockname())
            with pytest.raises(StartError, match=rf"{address}: 503 \(No\)"):
                await check_http(address, 5)

    async def test_rejects_server_without_response(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            address = f"127.0.0.1:{silent.getsockname()[1]}"
            with pytest.raises(StartError, match=f"{address}: no answer within 0.3 s"):
                await check_http(address, 0.3)

    async def test_rejects_closed_and_invalid_addresses(self, tmp_path: Path) -> None:
        for address in (f"unix:{tmp_path}/missing.sock", f"127.0.0.1:{free_port()}"):
            with pytest.raises(StartError, match=f"{address}: .+"):
                await check_http(address, 5)
        with pytest.raises(StartError, match="neither host:port nor unix:/path"):
            await check_http("8000", 5)


class TestCheckTls:
    async def test_rejects_server_without_tls(self, stack: Stack) -> None:
        with pytest.raises(StartError, match=stack.address):
            await check_tls(stack.address, 5)
