"""Runs the web process."""

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
from server.programs.web.chat_client import Api
from server.programs.web.connection_counts import Tally
from server.programs.web.limits import USUAL_LIMITS, Limits
from server.programs.web.metrics import web_registry
from server.programs.web.pages.routes import page_routes

BACKLOG = 2048
OTHER_FILES = 256
# Longer than Envoy keeps an idle connection, so that it is never closed in the middle of a request.
KEEP_ALIVE_SECONDS = 75
STOP_GRACE_SECONDS = 2

# Of a header or a path, in which the receipts of old apps stand as tokens. Envoy takes in as much.
websockets.http11.MAX_LINE_LENGTH = 64 * 1024

_log = structlog.get_logger("web")


def today_in_utc() -> date:
    """The day."""
    return datetime.now(UTC).date()


async def serve_web(
    listen: str,
    workers: tuple[str, ...],
    metrics_at: str | None = None,
    identity: Identity | None = None,
) -> None:
    """Serves the hubs and the pages on `listen` (host:port or unix:path) until SIGTERM or SIGINT.

    `workers` are addresses as gRPC takes them, of workers and not of Envoy, which lets one client
    have no more than 100 streams; with an `identity`, they are spoken to by mutual TLS. Prometheus
    reads metrics at `metrics_at` (host:port). Raises StartError if it cannot run.
    """
    _make_room(USUAL_LIMITS.connections)
    tally = Tally()
    watched = serve_metrics(web_registry(tally), metrics_at) if metrics_at else nullcontext()
    async with web_server(listen, workers, tally=tally, identity=identity):
        with watched:
            _log.info("serving", listen=listen)
            received = await stop_signal()
            _log.info("stopping", signal=received.name)


@asynccontextmanager
async def web_server(
    listen: str,
    workers: tuple[str, ...],
    limits: Limits = USUAL_LIMITS,
    today: Today = today_in_utc,
    tally: Tally | None = None,
    identity: Identity | None = None,
) -> AsyncIterator[None]:
    """Serves all of it for as long as the context lasts, and then says goodbye to everybody."""
    pages = page_routes()
    api = Api(workers, identity)
    hubs = Hubs(api, limits, today, tally or Tally())
    server = _Server(create_app([health_route(hubs), *hubs.routes(), *pages]), limits, listen)
    try:
        await server.begin()
        try:
            yield
        finally:
            await hubs.stop()
            await server.end()
    finally:
        await api.close()


class _Server(uvicorn.Server):
    """uvicorn, told to stop by a method: signals are the process's business."""

    def __init__(self, app: Starlette, limits: Limits, listen: str) -> None:
        self._listen = listen
        self._path = unix_path(listen)
        super().__init__(_config(app, limits, self._path))
        self._ready = asyncio.Event()
        self._told = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Returns when it serves. Raises StartError."""
        self._serving = asyncio.create_task(self.serve(_sockets(self._listen)))
        ready = asyncio.create_task(self._ready.wait())
        await asyncio.wait({self._serving, ready}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._serving.done():
            try:
                self._serving.result()
            except OSError as error:
                raise cannot_listen(self._listen, "--listen") from error

    async def end(self) -> None:
        """Stops serving."""
        self._told.set()
        if self._serving:
            await self._serving

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to listen."""
        await super().startup(sockets)
        if self._path:
            _keep_private(self._path)
        self._ready.set()

    async def main_loop(self) -> None:
        """Waits. Nothing is to be done ten times a second: a proxy adds the date."""
        await self._told.wait()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals alone."""
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
        # It costs memory for each connection.
        ws_per_message_deflate=False,
        lifespan="off",
        # Both would write paths, in whose query tokens stand.
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
    """The socket to listen at; None for a unix socket, which uvicorn makes. Raises StartError."""
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


def _make_room(connections: int) -> None:
    """Allows this process as many files as it may have connections, where the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + OTHER_FILES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _keep_private(path: str) -> None:
    """Lets nobody but us connect; uvicorn lets everybody on this machine."""
    Path(path).chmod(stat.S_IRUSR | stat.S_IWUSR)
