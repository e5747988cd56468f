"""A Gymlocker for a benchmark, as `gymlocker up` runs it, and somebody who is logged in there."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

import grpc
from gymlocker.v2 import auth_pb2, auth_pb2_grpc

from benchmarks.launcher import BOUNDLESS
from benchmarks.seed import PASSWORD


@dataclass(frozen=True)
class Person:
    """A username, and the metadata of calls that its owner makes."""

    username: str
    metadata: tuple[tuple[str, str], ...]


@contextmanager
def running_stack(*, workers: int) -> Iterator[str]:
    """Runs everything in a temporary folder; gives the host:port where it answers."""
    with tempfile.TemporaryDirectory(prefix="gymlocker-benchmark-") as folder:
        options = (f"--data-dir={folder}", "--port=0", f"--workers={workers}")
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "server", "up", *options],
            env={**os.environ, **BOUNDLESS},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert process.stdout is not None
            yield process.stdout.readline().rpartition("http://")[2].strip()
        finally:
            process.terminate()
            process.wait()


async def logged_in(channel: grpc.aio.Channel) -> Person:
    """Somebody new."""
    accounts, name = auth_pb2_grpc.AuthServiceStub(channel), f"somebody {uuid4()}"
    await accounts.Register(auth_pb2.RegisterRequest(username=name, password=PASSWORD))
    tokens = await accounts.Login(auth_pb2.LoginRequest(username=name, password=PASSWORD))
    return Person(name, (("authorization", f"Bearer {tokens.access_token}"),))
