"""Startup of all contenders, on one PostgreSQL with its default durability."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import psutil

from benchmarks.cpu import Meter
from benchmarks.launcher import Launcher, free_port, postgres_process
from benchmarks.seed import Seeded, seed
from server.libraries.database.migrations import migrate
from server.programs.local.temporary_postgres import temporary_postgres

DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
# Each contender has a connection pool, although they run one at a time.
POSTGRES = {**DURABLE, "max_connections": "400", "shared_buffers": "1GB"}

OURS, OURS_ENVOY, OURS_REST = "Gymlocker, gRPC", "Gymlocker, gRPC by Envoy", "Gymlocker, REST"
UNCHECKED = "Gymlocker, no password check"
UNCACHED = "Gymlocker, no password cache"
FLOOR, FLOOR_REST = "floor, gRPC", "floor, REST by Envoy"
IN_LOOP = "hashing in the loop"
PEER_ORM, PEER_CORE, PEER_BARE = "FastAPI, ORM", "FastAPI, Core", "FastAPI, asyncpg"


@dataclass(frozen=True)
class Contender:
    """A running server. `protocol` is grpc or rest."""

    name: str
    protocol: str
    port: int
    meter: Meter


@dataclass(frozen=True)
class Arena:
    """All running contenders and the data in their database."""

    contenders: Mapping[str, Contender]
    seeded: Seeded


@contextmanager
def arena() -> Iterator[Arena]:
    """Run all contenders until the context ends."""
    with ExitStack() as stack:
        url = stack.enter_context(temporary_postgres(POSTGRES)).url()
        asyncio.run(migrate(url, None, lambda _: None))
        seeded = asyncio.run(seed(url))
        builder = _Builder(Launcher(stack), url, postgres_process())
        builder.build()
        yield Arena(builder.contenders, seeded)


class _Builder:
    def __init__(self, launcher: Launcher, url: str, postgres: psutil.Process) -> None:
        self._launcher, self._url, self._postgres = launcher, url, postgres
        self.contenders: dict[str, Contender] = {}

    def build(self) -> None:
        """Start all contenders."""
        self._ours_direct(OURS)
        self._ours_direct(UNCHECKED, module="benchmarks.contenders.no_password_check")
        self._ours_direct(UNCACHED, PASSWORD_MEMORY_MINUTES="0")
        self._floor_direct(FLOOR)
        self._floor_direct(IN_LOOP, "--passwords", "loop")
        socket = self._socket("ours")
        ours = self._launcher.worker(self._url, socket)
        self._behind_envoy(socket, ours, {OURS_ENVOY: "grpc", OURS_REST: "rest"})
        socket = self._socket("floor")
        self._behind_envoy(socket, self._floor(socket), {FLOOR_REST: "rest"})
        for name, layer in ((PEER_ORM, "orm"), (PEER_CORE, "core"), (PEER_BARE, "asyncpg")):
            self._peer(name, layer)

    def _ours_direct(self, name: str, module: str = "server", **settings: str) -> None:
        port = free_port()
        listen = f"127.0.0.1:{port}"
        process = self._launcher.worker(self._url, listen, module=module, **settings)
        self._add(name, "grpc", port, server=process)

    def _floor_direct(self, name: str, *options: str) -> None:
        port = free_port()
        self._add(name, "grpc", port, server=self._floor(f"127.0.0.1:{port}", *options))

    def _floor(self, listen: str, *options: str) -> psutil.Process:
        address = ("--listen", listen, "--database", self._url)
        return self._launcher.start("benchmarks.contenders.floor", *address, *options)

    def _behind_envoy(self, worker: str, process: psutil.Process, names: Mapping[str, str]) -> None:
        port = free_port()
        envoy = self._launcher.gateway(port, worker)
        for name, protocol in names.items():
            self._add(name, protocol, port, envoy=envoy, server=process)

    def _peer(self, name: str, layer: str) -> None:
        port = free_port()
        address = ("--listen", f"127.0.0.1:{port}", "--database", self._url)
        # With our password cache, so that the figures compare everything else.
        options = ("--layer", layer, "--passwords", "cached")
        process = self._launcher.start("benchmarks.contenders.peer", *address, *options)
        self._add(name, "rest", port, server=process)

    def _add(self, name: str, protocol: str, port: int, **processes: psutil.Process) -> None:
        self._launcher.wait_for(port)
        meter = Meter({**processes, "postgres": self._postgres})
        self.contenders[name] = Contender(name, protocol, port, meter)

    def _socket(self, name: str) -> str:
        return f"unix:{self._launcher.folder / name}.sock"
