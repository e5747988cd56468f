"""A worker for tests: `gymlocker serve` on a unix socket, without Envoy."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
from gymlocker.v2 import system_pb2, system_pb2_grpc

from tests.support.stack import UNLIMITED

# One key for all workers, as required.
JWT_SECRET_KEY = "f4a1c07b95e2d83606be917cda524f38f7139ed02b68c4a5e0d7831f9b26ac54"
# Long enough for a busy machine.
TIMEOUT = 60


@asynccontextmanager
async def serving(
    socket: Path, url: str, *options: str, stderr: str = os.devnull, **settings: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a worker on a unix socket; `settings` are added to the environment of the tests.

    Fixtures with a larger scope than a test must pass settings here, for other tests would read
    them from the environment.
    """
    command = (sys.executable, "-P", "-m", "server", "serve", f"--listen=unix:{socket}", *options)
    environment = {
        **os.environ,
        **UNLIMITED,
        "DATABASE_URL": url,
        "DRAIN_SECONDS": "0.1",
        "JWT_SECRET_KEY": JWT_SECRET_KEY,
        **settings,
    }
    log = os.open(stderr, os.O_WRONLY | os.O_CREAT)
    worker = await asyncio.create_subprocess_exec(*command, env=environment, stderr=log)
    os.close(log)
    try:
        yield worker
    finally:
        if worker.returncode is None:
            worker.kill()
        await worker.wait()


async def health(socket: Path) -> str:
    async with grpc.aio.insecure_channel(f"unix:{socket}") as channel:
        stub = system_pb2_grpc.SystemServiceStub(channel)
        request = system_pb2.GetHealthRequest()
        return (await stub.GetHealth(request, wait_for_ready=True, timeout=TIMEOUT)).status
