"""A stack started with `gymlocker up` for a benchmark, and users who are logged in."""

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

from benchmarks.launcher import UNLIMITED
from benchmarks.seed import PASSWORD


@dataclass(frozen=True)
class Person:
    """A username, and the metadata that authenticates its calls."""

    username: str
    metadata: tuple[tuple[str, str], ...]


@contextmanager
def running_stack(*, workers: int) -> Iterator[str]:
    """Run a stack in a temporary folder; yield its host:port."""
    with tempfile.TemporaryDirectory(prefix="gymlocker-benchmark-") as folder:
        options = (f"--data-dir={folder}", "--port=0", f"--workers={workers}")
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "server", "up", *options],
            env={**os.environ, **UNLIMITED},
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


async def log_in(channel: grpc.aio.Channel) -> Person:
    """Register and log in a new user."""
    accounts, name = auth_pb2_grpc.AuthServiceStub(channel), f"somebody {uuid4()}"
    await accounts.Register(auth_pb2.RegisterRequest(username=name, password=PASSWORD))
    tokens = await accounts.Login(auth_pb2.LoginRequest(username=name, password=PASSWORD))
    return Person(name, (("authorization", f"Bearer {tokens.access_token}"),))
