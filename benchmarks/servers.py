"""Starts the contenders, all on one PostgreSQL that is as durable as it is by default."""

import asyncio
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.processor import Meter
from benchmarks.seed import Seeded, seed
from server.database.migrations import migrate
from server.local.throwaway import throwaway_postgres

START_SECONDS = 120
STOP_SECONDS = 10
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
# Each contender has a pool, though one at a time uses it.
POSTGRES = {**DURABLE, "max_connections": "400", "shared_buffers": "1GB"}

OURS, OURS_ENVOY, OURS_REST = "Gymlocker, gRPC", "Gymlocker, gRPC by Envoy", "Gymlocker, REST"
UNCHECKED = "Gymlocker, gRPC, no password check"
FLOOR, FLOOR_REST = "floor, gRPC", "floor, REST by Envoy"
IN_LOOP = "hashing in the loop, gRPC"
PEER_ORM, PEER_CORE, PEER_BARE = "FastAPI, ORM", "FastAPI, Core", "FastAPI, asyncpg"
MEMORY_OFF = "Gymlocker, gRPC, nothing remembered"


@dataclass(frozen=True)
class Contender:
    """A server that runs. `protocol` is what it is spoken to by: grpc or rest."""

    name: str
    protocol: str
    port: int
    meter: Meter


@dataclass(frozen=True)
class Arena:
    """All that runs, and what is in the database."""

    contenders: Mapping[str, Contender]
    seeded: Seeded
    database_url: str


@contextmanager
def arena() -> Iterator[Arena]:
    """Runs every contender until it is left."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
        postgres = stack.enter_context(throwaway_postgres(POSTGRES))
        url = postgres.url()
        asyncio.run(migrate(url, None, lambda _: None))
        seeded = asyncio.run(seed(url))
        builder = _Builder(stack, folder, url)
        yield Arena(builder.all(), seeded, url)


class _Builder:
    def __init__(self, stack: ExitStack, folder: Path, url: str) -> None:
        self._stack, self._folder, self._url = stack, folder, url
        self._environment = {
            **os.environ,
            "DATABASE_URL": url,
            "JWT_SECRET_KEY": secrets.token_hex(32),
            "DRAIN_SECONDS": "0",
        }
        self._postgres = _postgres()

    def all(self) -> dict[str, Contender]:
        """Starts them."""
        ours = f"unix:{self._folder}/ours.sock"
        floor = f"unix:{self._folder}/floor.sock"
        behind = self._start("server", "serve", "--listen", ours)
        bare = self._start(*self._floor(floor))
        front, front_port = self._gateway(ours)
        floor_front, floor_port = self._gateway(floor)
        found = [
            self._direct(OURS, "server", "serve"),
            self._direct(UNCHECKED, "benchmarks.contenders.unchecked", "serve"),
            self._direct(MEMORY_OFF, "server", "serve", PASSWORD_MEMORY_MINUTES="0"),
            self._contender(OURS_ENVOY, "grpc", front_port, server=behind, envoy=front),
            self._contender(OURS_REST, "rest", front_port, server=behind, envoy=front),
            self._contender(FLOOR_REST, "rest", floor_port, server=bare, envoy=floor_front),
        ]
        for name, options in ((FLOOR, ()), (IN_LOOP, ("--passwords", "loop"))):
            port = free_port()
            number = self._start(*self._floor(f"127.0.0.1:{port}"), *options)
            found.append(self._contender(name, "grpc", port, server=number))
        for name, layer in ((PEER_ORM, "orm"), (PEER_CORE, "core"), (PEER_BARE, "asyncpg")):
            found.append(self._peer(name, layer))
        for contender in found:
            _wait_for(contender.port)
        return {contender.name: contender for contender in found}

    def _floor(self, listen: str) -> tuple[str, ...]:
        return ("benchmarks.contenders.floor", "--listen", listen, "--database", self._url)

    def _peer(self, name: str, layer: str) -> Contender:
        port = free_port()
        where = ("--listen", f"127.0.0.1:{port}", "--database", self._url)
        # It has our memory of passwords: what is left is the difference of the rest.
        options = ("--layer", layer, "--passwords", "remembered")
        number = self._start("benchmarks.contenders.peer", *where, *options)
        return self._contender(name, "rest", port, server=number)

    def _direct(self, name: str, *command: str, **settings: str) -> Contender:
        port = free_port()
        number = self._start(*command, "--listen", f"127.0.0.1:{port}", **settings)
        return self._contender(name, "grpc", port, server=number)

    def _gateway(self, worker: str) -> tuple[int, int]:
        port = free_port()
        command = ("gateway", "--listen", f"127.0.0.1:{port}", "--worker", worker)
        return self._start("server", *command), port

    def _contender(self, name: str, protocol: str, port: int, **processes: int) -> Contender:
        return Contender(name, protocol, port, Meter({**processes, "postgres": self._postgres}))

    def _start(self, module: str, *options: str, **settings: str) -> int:
        log = (self._folder / f"{module}.log").open("a")
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, *options],
            env={**self._environment, **settings},
            stdout=self._stack.enter_context(log),
            stderr=log,
        )
        self._stack.callback(_stop, process)
        return process.pid


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _postgres() -> int:
    """The PostgreSQL that this process has started."""
    return next(
        child.pid for child in psutil.Process().children() if child.name() == "postgres"
    )


def _wait_for(port: int) -> None:
    """Waits until somebody listens."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
