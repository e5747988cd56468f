"""The hubs as an ASGI app: negotiation, and who may connect.

Whether a token is good, the API is asked when a client negotiates, and again when it connects:
nothing is remembered in between, so a client may as well connect at once.
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
    Api,
    Metadata,
    Refused,
    failed,
    metadata_of,
    request_id_in,
    too_many_conversations,
    unavailable,
    unknown_method,
    unknown_path,
)
from server.programs.web.connection_counts import Tally
from server.programs.web.hub_connection import GONE, STOPPED, Connection
from server.programs.web.hubs import HUBS, Hub
from server.programs.web.limits import Limits

NEGOTIATE_VERSION = 1
# Of the paths of the contract, each of which is there without it, too.
VERSION = "/v2"

Today: TypeAlias = Callable[[], date]

_log = structlog.get_logger("web")


class Hubs:
    """All connections of this process."""

    def __init__(self, api: Api, limits: Limits, today: Today, tally: Tally) -> None:
        self._api = api
        self._limits = limits
        self._today = today
        self._tally = tally
        # Those that are not let in yet count: they cost something, too.
        self._present: Counter[str] = Counter()
        self._connections: dict[Connection, asyncio.Task[None] | None] = {}
        self._stopping = False

    @property
    def stopping(self) -> bool:
        """Whether nobody is let in any more."""
        return self._stopping

    def routes(self) -> list[BaseRoute]:
        """Where the hubs are."""
        return [
            route
            for hub in HUBS
            for path in (f"{VERSION}{hub.path}", hub.path)
            for route in (
                Route(f"{path}/negotiate", self._negotiate, methods=["POST"]),
                WebSocketRoute(path, partial(self._connect, hub)),
            )
        ]

    async def stop(self) -> None:
        """Says goodbye to everybody. Nobody is let in any more."""
        self._stopping = True
        tasks = {task for task in self._connections.values() if task}
        for connection in self._connections:
            connection.end(STOPPED)
        if tasks:
            await asyncio.wait(tasks, timeout=2 * self._limits.farewell_seconds)

    async def _negotiate(self, request: Request) -> Response:
        metadata = metadata_of(request)
        if refusal := await self._refusal(metadata, _network_of(metadata), itself=0):
            return _as_json(refusal)
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
        self._present[network] += 1
        try:
            if refusal := await self._refusal(metadata, network, itself=1):
                await websocket.send_denial_response(_as_json(refusal))
            else:
                await websocket.accept()
                await self._carry(hub, websocket, metadata)
        except GONE:
            pass  # before it was let in
        finally:
            self._present -= Counter([network])

    async def _refusal(self, metadata: Metadata, network: str, *, itself: int) -> Refused | None:
        """Why the client is not let in, if it is not. `itself` is what is counted of it."""
        is_full = self._present.total() - itself >= self._limits.connections
        has_share = self._present[network] - itself >= self._limits.connections_of_network
        if self._stopping or is_full:
            return unavailable()
        if has_share:
            return too_many_conversations(self._limits.connections_of_network)
        return await _refusal_of(self._api.check(metadata))

    async def _carry(self, hub: type[Hub], websocket: WebSocket, metadata: Metadata) -> None:
        began = time.monotonic()
        begin = partial(self._api.chat, metadata)
        connection = Connection(websocket, hub, begin, self._limits, self._today)
        if self._stopping:
            connection.end(STOPPED)
        self._connections[connection] = asyncio.current_task()
        self._tally.begin(hub.path)
        ended = "cancelled"
        try:
            ended = (await connection.run()).name
        finally:
            del self._connections[connection]
            self._tally.end(hub.path, ended)
            _log.info(
                "connection",
                hub=hub.path,
                seconds=round(time.monotonic() - began, 3),
                ended=ended,
                request_id=request_id_in(metadata),
            )


def health_route(hubs: Hubs) -> Route:
    """Where probes ask how this process is. Workers are not: they have probes of their own."""

    async def health(request: Request) -> Response:
        if hubs.stopping:
            return _as_json(unavailable())
        return JSONResponse({"status": "ok"}, headers={"cache-control": "no-store"})

    return Route("/health", health)


def create_app(routes: Sequence[BaseRoute]) -> Starlette:
    """The app; what it does not know is answered in the API's form."""
    app = Starlette(routes=routes, exception_handlers={HTTPException: _not_found})
    # A redirection would repeat the query, with the token in it.
    app.router.redirect_slashes = False
    return app


async def _refusal_of(check: Awaitable[None]) -> Refused | None:
    try:
        await check
    except Refused as refusal:
        return refusal
    except Exception as error:
        # Its text may hold the token.
        _log.error("unhandled_exception", error=type(error).__name__)
        return failed()
    return None


def _as_json(refusal: Refused) -> JSONResponse:
    return JSONResponse(refusal.body(), refusal.http_status, dict(refusal.headers))


async def _not_found(request: Request, error: Exception) -> Response:
    methods = (getattr(error, "headers", None) or {}).get("Allow")
    if not methods:
        return _as_json(unknown_path())
    # As the front door answers for all other paths.
    allow = {"allow": f"{methods}, OPTIONS"}
    if request.method == "OPTIONS":
        return Response(status_code=204, headers=allow)
    return JSONResponse(unknown_method().body(), 405, allow)


def _negotiate_version(connection: HTTPConnection) -> int:
    """The version to negotiate by: ours, or 0 for a client that knows none."""
    version = connection.query_params.get("negotiateVersion", "")
    return NEGOTIATE_VERSION if re.fullmatch("0*[1-9][0-9]*", version) else 0


def _network_of(metadata: Metadata) -> str:
    return network_of(dict(metadata).get(ADDRESS_KEY, ""))
