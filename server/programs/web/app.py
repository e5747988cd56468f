"""The hubs as an ASGI app: negotiation and admission of connections.

The API checks the token when a client negotiates, and again when it connects. No state is kept in
between, so a client may also connect without negotiating.
"""

import asyncio
import re
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from functools import partial
from typing import TypeAlias

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from server.libraries.network.client_network import network_of
from server.libraries.network.grpc_protocol import ADDRESS_KEY
from server.programs.web.chat_client import (
    ApiError,
    ChatClient,
    Metadata,
    internal_error,
    metadata_of,
    request_id_in,
    too_many_conversations,
    unavailable,
    unknown_method,
    unknown_path,
)
from server.programs.web.connection_counts import ConnectionCounts
from server.programs.web.connection_limits import Limits
from server.programs.web.hub_connection import GONE, STOPPED, Connection
from server.programs.web.hubs import HUBS, Hub

NEGOTIATE_VERSION = 1
# The contract's path prefix; each path also exists without it.
VERSION_PREFIX = "/v2"

Today: TypeAlias = Callable[[], date]

_log = structlog.get_logger("web")


class Hubs:
    """All connections of this process."""

    def __init__(
        self, api: ChatClient, limits: Limits, today: Today, counts: ConnectionCounts
    ) -> None:
        self._api = api
        self._limits = limits
        self._today = today
        self._counts = counts
        # Connections by network, including those that are still being checked.
        self._by_network: Counter[str] = Counter()
        self._connections: dict[Connection, asyncio.Task[None] | None] = {}
        self._stopping = False

    @property
    def stopping(self) -> bool:
        """True once new connections are rejected."""
        return self._stopping

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the hubs."""
        return [
            route
            for hub in HUBS
            for path in (f"{VERSION_PREFIX}{hub.path}", hub.path)
            for route in (
                Route(f"{path}/negotiate", self._negotiate, methods=["POST"]),
                WebSocketRoute(path, partial(self._connect, hub)),
            )
        ]

    async def stop(self) -> None:
        """Close all connections and reject new ones."""
        self._stopping = True
        tasks = {task for task in self._connections.values() if task}
        for connection in self._connections:
            connection.end(STOPPED)
        if tasks:
            await asyncio.wait(tasks, timeout=2 * self._limits.shutdown_seconds)

    async def _negotiate(self, request: Request) -> Response:
        metadata = metadata_of(request)
        if error := await self._check(metadata, _network_of(metadata), counted=0):
            return _as_json(error)
        offer = {
            "connectionId": secrets.token_urlsafe(16),
            "negotiateVersion": _negotiate_version(request),
            "availableTransports": [{"transport": "WebSockets", "transferFormats": ["Text"]}],
        }
        if offer["negotiateVersion"]:
            offer["connectionToken"] = secrets.token_urlsafe(16)
        return JSONResponse(offer)

    async def _connect(self, hub: type[Hub], websocket: WebSocket) -> None:
        metadata = metadata_of(websocket)
        network = _network_of(metadata)
        self._by_network[network] += 1
        try:
            if error := await self._check(metadata, network, counted=1):
                await websocket.send_denial_response(_as_json(error))
            else:
                await websocket.accept()
                await self._serve(hub, websocket, metadata)
        except GONE:
            pass  # before it was accepted
        finally:
            self._by_network -= Counter([network])

    async def _check(self, metadata: Metadata, network: str, *, counted: int) -> ApiError | None:
        """Return the error for a client that must not connect; None otherwise.

        `counted` is 1 if the connection itself is already counted.
        """
        is_full = self._by_network.total() - counted >= self._limits.connections
        is_share_used = self._by_network[network] - counted >= self._limits.connections_of_network
        if self._stopping or is_full:
            return unavailable()
        if is_share_used:
            return too_many_conversations(self._limits.connections_of_network)
        return await _error_of(self._api.check(metadata))

    async def _serve(self, hub: type[Hub], websocket: WebSocket, metadata: Metadata) -> None:
        start = time.monotonic()
        open_chat = partial(self._api.chat, metadata)
        connection = Connection(websocket, hub, open_chat, self._limits, self._today)
        if self._stopping:
            connection.end(STOPPED)
        self._connections[connection] = asyncio.current_task()
        self._counts.begin(hub.path)
        ended = "cancelled"
        try:
            ended = (await connection.run()).name
        finally:
            del self._connections[connection]
            self._counts.end(hub.path, ended)
            _log.info(
                "connection",
                hub=hub.path,
                seconds=round(time.monotonic() - start, 3),
                ended=ended,
                request_id=request_id_in(metadata),
            )


def health_route(hubs: Hubs) -> Route:
    """Return the route for health probes of this process, independent of the workers."""

    async def health(request: Request) -> Response:
        if hubs.stopping:
            return _as_json(unavailable())
        return JSONResponse({"status": "ok"}, headers={"cache-control": "no-store"})

    return Route("/health", health)


def create_app(routes: Sequence[BaseRoute]) -> Starlette:
    """Return the app; unknown paths and methods get errors in the API's form."""
    app = Starlette(routes=routes, exception_handlers={HTTPException: _not_found})
    # A redirect would repeat the query, which may contain a token.
    app.router.redirect_slashes = False
    return app


async def _error_of(check: Awaitable[None]) -> ApiError | None:
    try:
        await check
    except ApiError as error:
        return error
    except Exception as unhandled:
        # Its text may contain the token.
        _log.error("unhandled_exception", error=type(unhandled).__name__)
        return internal_error()
    return None


def _as_json(error: ApiError) -> JSONResponse:
    return JSONResponse(error.body(), error.http_status, dict(error.headers))


async def _not_found(request: Request, error: Exception) -> Response:
    methods = (getattr(error, "headers", None) or {}).get("Allow")
    if not methods:
        return _as_json(unknown_path())
    # As the front door answers for the API's paths.
    allow = {"allow": f"{methods}, OPTIONS"}
    if request.method == "OPTIONS":
        return Response(status_code=204, headers=allow)
    return JSONResponse(unknown_method().body(), 405, allow)


def _negotiate_version(connection: HTTPConnection) -> int:
    """Return the protocol's version: ours, or 0 for a client that states none."""
    version = connection.query_params.get("negotiateVersion", "")
    return NEGOTIATE_VERSION if re.fullmatch("0*[1-9][0-9]*", version) else 0


def _network_of(metadata: Metadata) -> str:
    return network_of(dict(metadata).get(ADDRESS_KEY, ""))
