"""The log of a worker: one line for each call, as JSON or for people."""

import asyncio
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from gymlocker.v2 import user_pb2, user_pb2_grpc

from tests.support.waiting import wait_until
from tests.support.worker import JWT_SECRET_KEY, TIMEOUT, health, serving

pytestmark = pytest.mark.extended

CALL = "/gymlocker.v2.UserService/GetUser"


async def call_once(socket: Path) -> None:
    """Call a method with a known request id and address; it returns NOT_FOUND."""
    metadata = (("x-request-id", "the-request"), ("x-client-address", "203.0.113.77"))
    async with grpc.aio.insecure_channel(f"unix:{socket}") as channel:
        users = user_pb2_grpc.UserServiceStub(channel)
        request = user_pb2.GetUserRequest(id_or_lookup="canary")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await users.GetUser(request, metadata=metadata, timeout=TIMEOUT)
    # The client gets the request id that is logged.
    assert ("x-request-id", "the-request") in tuple(caught.value.trailing_metadata() or ())


def line_in(file: Path) -> str:
    """Return the log line of the call, which is written after the response."""
    wait_until(lambda: CALL in file.read_text())
    log = file.read_text()
    lines = [line for line in log.splitlines() if CALL in line]
    assert len(lines) == 1
    assert "canary" not in log
    assert "203.0.113" not in log
    return lines[0]


async def test_writes_json_to_a_file(migrated_database: str, tmp_path: Path) -> None:
    socket, log = tmp_path / "worker.sock", tmp_path / "worker.log"
    async with serving(socket, migrated_database, stderr=str(log)):
        assert await health(socket) == "ok"
        await call_once(socket)
        line = json.loads(line_in(log))
    assert line.pop("milliseconds") > 0
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "call",
        "level": "info",
        "method": CALL,
        "code": "NOT_FOUND",
        "request_id": "the-request",
    }


async def test_writes_lines_for_people_if_configured(
    migrated_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOG_FORMAT", "console")
    socket, log = tmp_path / "worker.sock", tmp_path / "worker.log"
    async with serving(socket, migrated_database, stderr=str(log)):
        assert await health(socket) == "ok"
        await call_once(socket)
        line = line_in(log)
    assert "code=NOT_FOUND" in line
    assert "request_id=the-request" in line
    # No colors in a file.
    assert "\x1b" not in line


@pytest.mark.parametrize(("form", "is_json"), [("", False), ("json", True)])
async def test_writes_lines_for_people_to_a_terminal(
    migrated_database: str, tmp_path: Path, form: str, is_json: bool
) -> None:
    socket = tmp_path / "worker.sock"
    ours, theirs = pty.openpty()
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "server", "serve", f"--listen=unix:{socket}"),
        env={
            **os.environ,
            "DATABASE_URL": migrated_database,
            "JWT_SECRET_KEY": JWT_SECRET_KEY,
            "LOG_FORMAT": form,
        },
        stderr=theirs,
    )
    os.close(theirs)
    try:
        first = await asyncio.to_thread(os.read, ours, 65536)
    finally:
        worker.kill()
        await worker.wait()
        os.close(ours)
    assert (b'"event":"purchase_stores"' in first) == is_json
    assert first.startswith(b"{") == is_json


def test_writes_values_that_are_no_valid_json() -> None:
    script = (
        "import structlog; from server.libraries.common.logging import configure_logging;"
        "configure_logging('info', 'json');"
        "log = structlog.get_logger().info;"
        "log('odd', name='\\udcff', many=2**70); log('even', name='é', thing=object)"
    )
    run = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    odd, even = map(json.loads, run.stderr.splitlines())
    assert (odd["name"], odd["many"]) == ("\udcff", 2**70)
    assert (even["name"], even["thing"]) == ("é", "<class 'object'>")
    assert odd["timestamp"][:10] == even["timestamp"][:10]
