"""`gymlocker health`: 0 for what serves, 1 and a reason for what does not."""

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
NOBODY = "127.0.0.1:1"


@asynccontextmanager
async def process_that_is(status: int | None) -> AsyncIterator[str]:
    """The address of a gRPC server that says it is `status`; None: it has no health service."""
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


def test_the_front_door_serves(stack: Stack) -> None:
    for options in ((), ("--http",)):
        ended = run("--address", stack.address, *options)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_nobody_is_there(tmp_path: Path) -> None:
    ended = run("--address", f"unix:{tmp_path}/nobody.sock")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"unix:{tmp_path}/nobody.sock: UNAVAILABLE")
    assert "Traceback" not in ended.stderr


async def test_one_that_serves() -> None:
    async with process_that_is(Status.SERVING) as address:
        await check(address, 5)


async def test_one_that_drains() -> None:
    async with process_that_is(Status.NOT_SERVING) as address:
        with pytest.raises(StartError, match=f"{address}: NOT_SERVING"):
            await check(address, 5)


async def test_one_of_another_kind() -> None:
    async with process_that_is(None) as address:
        with pytest.raises(StartError, match=f"{address}: UNIMPLEMENTED"):
            await check(address, 5)


async def test_one_that_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(StartError, match=f"{address}: (DEADLINE_EXCEEDED|UNAVAILABLE)"):
            await check(address, 0.3)


async def test_the_web_process_serves(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    for listen in (address, f"unix:{tmp_path}/web.sock"):
        async with web_server(listen, (NOBODY,)):
            await check_http(listen, 5)


async def test_one_that_says_over_http_that_it_is_not_well() -> None:
    async def say_so(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 503 Sorry\r\ncontent-length: 3\r\n\r\nNo\n")
        writer.close()

    async with await asyncio.start_server(say_so, "127.0.0.1") as server:
        address = "{}:{}".format(*server.sockets[0].getsockname())
        with pytest.raises(StartError, match=rf"{address}: 503 \(No\)"):
            await check_http(address, 5)


async def test_one_that_does_not_answer_over_http() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(StartError, match=f"{address}: no answer within 0.3 s"):
            await check_http(address, 0.3)


async def test_nobody_is_there_over_http(tmp_path: Path) -> None:
    for address in (f"unix:{tmp_path}/nobody.sock", f"127.0.0.1:{free_port()}"):
        with pytest.raises(StartError, match=f"{address}: .+"):
            await check_http(address, 5)
    with pytest.raises(StartError, match="neither host:port nor unix:/path"):
        await check_http("8000", 5)


async def test_one_that_speaks_no_tls(stack: Stack) -> None:
    with pytest.raises(StartError, match=stack.address):
        await check_tls(stack.address, 5)
