"""The web process: startup, serving and shutdown."""

import asyncio
import resource
import socket
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from datetime import UTC, date, datetime
from pathlib import Path

import structlog
import uvicorn
import websockets.http11
from starlette.applications import Starlette

from server.libraries.common.signals import stop_signal
from server.libraries.network.address import cannot_listen, host_and_port, in_use, unix_path
from server.libraries.network.tls import Identity
from server.libraries.telemetry.metrics_server import serve_metrics
from server.programs.web.app import Hubs, Today, create_app, health_route
from server.programs.web.chat_client import ChatClient
from server.programs.web.connection_counts import ConnectionCounts
from server.programs.web.connection_limits import DEFAULT_LIMITS, Limits
from server.programs.web.metrics import web_registry
from server.programs.web.pages.routes import page_routes

BACKLOG = 2048
# File descriptors for everything but connections.
OTHER_FILES = 256
# Longer than Envoy keeps idle connections: it must not send a request on one that is closing.
KEEP_ALIVE_SECONDS = 75
STOP_GRACE_SECONDS = 2

# Bytes of a header or a path: old apps send whole receipts as tokens. Envoy's limit is lower.
websockets.http11.MAX_LINE_LENGTH = 64 * 1024

_log = structlog.get_logger("web")


def today_in_utc() -> date:
    """Return the current date in UTC."""
    return datetime.now(UTC).date()


async def serve_web(
    listen: str,
    workers: tuple[str, ...],
    metrics_at: str | None = None,
    identity: Identity | None = None,
) -> None:
    """Serve the hubs and the pages as `serving_web` does, until SIGTERM or SIGINT."""
    async with serving_web(listen, workers, metrics_at, identity):
        received = await stop_signal()
        _log.info("stopping", signal=received.name)


@asynccontextmanager
async def serving_web(
    listen: str,
    workers: tuple[str, ...],
    metrics_at: str | None = None,
    identity: Identity | None = None,
) -> AsyncIterator[None]:
    """Serve the hubs and the pages on `listen` (host:port or unix:path) within the context.

    `workers` are gRPC addresses of workers, not of Envoy, which limits a client to 100 streams. An
    `identity` selects mutual TLS. Prometheus scrapes metrics at `metrics_at` (host:port). Raises
    StartError if it cannot run.
    """
    _raise_file_limit(DEFAULT_LIMITS.connections)
    counts = ConnectionCounts()
    metrics = serve_metrics(web_registry(counts), metrics_at) if metrics_at else nullcontext()
    async with web_server(listen, workers, counts=counts, identity=identity):
        with metrics:
            _log.info("serving", listen=listen)
            yield


@asynccontextmanager
async def web_server(
    listen: str,
    workers: tuple[str, ...],
    limits: Limits = DEFAULT_LIMITS,
    today: Today = today_in_utc,
    counts: ConnectionCounts | None = None,
    identity: Identity | None = None,
) -> AsyncIterator[None]:
    """Serve the hubs and the pages within the context, then close all connections."""
    pages = page_routes()
    api = ChatClient(workers, identity)
    hubs = Hubs(api, limits, today, counts or ConnectionCounts())
    server = _Server(create_app([health_route(hubs), *hubs.routes(), *pages]), limits, listen)
    try:
        await server.start()
        try:
            yield
        finally:
            await hubs.stop()
            await server.stop()
    finally:
        await api.close()


class _Server(uvicorn.Server):
    """A uvicorn server that a method stops instead of signals."""

    def __init__(self, app: Starlette, limits: Limits, listen: str) -> None:
        self._listen = listen
        self._path = unix_path(listen)
        super().__init__(_config(app, limits, self._path))
        self._ready = asyncio.Event()
        self._stop = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start serving, and return when the socket is open. Raises StartError."""
        self._serving = asyncio.create_task(self.serve(_sockets(self._listen)))
        ready = asyncio.create_task(self._ready.wait())
        await asyncio.wait({self._serving, ready}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._serving.done():
            try:
                self._serving.result()
            except OSError as error:
                raise cannot_listen(self._listen, "--listen") from error

    async def stop(self) -> None:
        """Stop serving."""
        self._stop.set()
        if self._serving:
            await self._serving

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the socket."""
        await super().startup(sockets)
        if self._path:
            _restrict_access(self._path)
        self._ready.set()

    async def main_loop(self) -> None:
        """Wait, instead of uvicorn's ten ticks a second, which only update the Date header.

        The front door adds that header.
        """
        await self._stop.wait()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the process."""
        yield


def _config(app: Starlette, limits: Limits, path: str | None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        uds=path,
        http="h11",
        ws="websockets-sansio",
        ws_max_size=limits.record_bytes,
        ws_ping_interval=limits.probe_seconds,
        ws_ping_timeout=limits.probe_seconds,
        # Compression costs memory for each connection.
        ws_per_message_deflate=False,
        lifespan="off",
        # Both would log paths, whose queries may contain tokens.
        access_log=False,
        log_level="warning",
        log_config=None,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=STOP_GRACE_SECONDS,
    )


def _sockets(listen: str) -> list[socket.socket] | None:
    """Return the socket to listen on; None for a unix socket, which uvicorn opens.

    Raises StartError.
    """
    if in_use(listen):
        raise cannot_listen(listen, "--listen")
    if unix_path(listen):
        return None
    address = host_and_port(listen)
    if address is None:
        raise cannot_listen(listen, "--listen")
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return [socket.create_server(address, family=family, backlog=BACKLOG)]
    except OSError as error:
        raise cannot_listen(listen, "--listen") from error


def _raise_file_limit(connections: int) -> None:
    """Raise the limit of open files for this many connections, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    required = connections + OTHER_FILES
    if hard != resource.RLIM_INFINITY:
        required = min(required, hard)
    if soft != resource.RLIM_INFINITY and soft < required:
        resource.setrlimit(resource.RLIMIT_NOFILE, (required, hard))


def _restrict_access(path: str) -> None:
    """Allow only this user to connect; uvicorn allows every user of the machine."""
    Path(path).chmod(stat.S_IRUSR | stat.S_IWUSR)
