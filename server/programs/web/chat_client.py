"""The API as the hubs call it: is this token good, and may we talk."""

import asyncio
import re
from collections.abc import Mapping
from http import HTTPStatus
from itertools import cycle
from typing import Any, TypeAlias

import grpc
from google.protobuf import duration_pb2, json_format
from google.rpc import error_details_pb2, status_pb2
from grpc import aio
from gymlocker.v2 import ai_pb2, ai_pb2_grpc
from starlette.requests import HTTPConnection

from server.libraries.common.text import is_printable_ascii
from server.libraries.network.grpc_protocol import (
    ADDRESS_KEY,
    API_KEY_KEY,
    AUTHENTICATE_KEY,
    AUTHORIZATION_KEY,
    ERROR_DOMAIN,
    HTTP_STATUS_KEY,
    REQUEST_ID_KEY,
    RETRY_AFTER_KEY,
    TRACE_PARENT_KEY,
    status_in,
)
from server.libraries.network.grpc_tls import channel
from server.libraries.network.tls import Identity, Pems, Renewal
from server.libraries.rpc.request_id import new_request_id, usable_request_id

Metadata: TypeAlias = tuple[tuple[str, str], ...]
Chat: TypeAlias = "aio.StreamStreamCall[ai_pb2.ChatRequest, ai_pb2.ChatResponse]"

CHECK_SECONDS = 10.0
# As Envoy has it.
MAX_CHAT_SECONDS = 3600
SORRY = "Something went wrong in the server."
AWAY = "The server cannot answer right now. Try again."

_OPTIONS = (
    # A name may stand for many workers.
    ("grpc.lb_policy_name", "round_robin"),
    # A worker that was restarted is found again soon.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)
# Where Envoy says it came from, and of which trace the caller says it is a part.
_PASSED_ON = (ADDRESS_KEY, TRACE_PARENT_KEY)
# Of the trailing metadata, what means something in HTTP.
_HEADERS = (RETRY_AFTER_KEY, AUTHENTICATE_KEY)
# A token that names no store. SignalR's client says Bearer before it where it may.
_KEY = re.compile(r"(?:bearer +)?([!-~]+)", re.IGNORECASE)
_HTTP = {
    grpc.StatusCode.INVALID_ARGUMENT: HTTPStatus.BAD_REQUEST,
    grpc.StatusCode.FAILED_PRECONDITION: HTTPStatus.BAD_REQUEST,
    grpc.StatusCode.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    grpc.StatusCode.PERMISSION_DENIED: HTTPStatus.FORBIDDEN,
    grpc.StatusCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    grpc.StatusCode.RESOURCE_EXHAUSTED: HTTPStatus.TOO_MANY_REQUESTS,
    grpc.StatusCode.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}
# Without a word of ours: nobody was there, or went away.
_AWAY = (
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.UNAVAILABLE,
)


class Refused(Exception):
    """The API did not do it; `status` says why, in words that a client may read."""

    def __init__(
        self, http_status: int, status: status_pb2.Status, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status.message)
        self.http_status = http_status
        self.status = status
        self.headers = headers or {}

    @property
    def message(self) -> str:
        """A sentence for people."""
        return str(self.status.message)

    def body(self) -> dict[str, Any]:
        """The JSON that REST would answer with."""
        return json_format.MessageToDict(
            self.status,
            always_print_fields_with_no_presence=True,
            # Which knows the types that details are of.
            descriptor_pool=error_details_pb2.DESCRIPTOR.pool,
        )


def refusal(
    code: grpc.StatusCode, message: str, reason: str, retry_after: int | None = None
) -> Refused:
    """An error of our own, and in how many seconds to try again."""
    status = status_pb2.Status(code=code.value[0], message=message)
    info = error_details_pb2.ErrorInfo(reason=reason, domain=ERROR_DOMAIN)
    status.details.add().Pack(info)
    if retry_after is None:
        return Refused(_http_status(code), status)
    delay = duration_pb2.Duration(seconds=retry_after)
    status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    return Refused(_http_status(code), status, {RETRY_AFTER_KEY: str(retry_after)})


def unavailable() -> Refused:
    """The error for what may work in a moment."""
    return refusal(grpc.StatusCode.UNAVAILABLE, AWAY, "UNAVAILABLE", retry_after=1)


def too_many_conversations(limit: int) -> Refused:
    """Return the error for a network that has all the conversations it may have."""
    message = f"Your network has {limit} conversations open, the limit. Close one, then try again."
    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    return refusal(code, message, "TOO_MANY_CALLS", retry_after=1)


def unknown_path() -> Refused:
    """The error for a path that nothing is at."""
    return refusal(grpc.StatusCode.NOT_FOUND, "There is no such path or method.", "UNKNOWN_PATH")


def unknown_method() -> Refused:
    """The error for a path that has other methods."""
    message = "This path does not have this method. The Allow header lists those it has."
    return refusal(grpc.StatusCode.UNIMPLEMENTED, message, "METHOD_NOT_ALLOWED")


def failed() -> Refused:
    """The error for what nobody foresaw."""
    return refusal(grpc.StatusCode.INTERNAL, SORRY, "INTERNAL")


def refused(error: aio.AioRpcError) -> Refused:
    """The error that a call ended with. What gRPC itself says, such as addresses, is not told."""
    metadata = dict(error.trailing_metadata() or ())
    status = status_in(error.trailing_metadata())
    if status is None:
        return unavailable() if error.code() in _AWAY else failed()
    headers = {name: str(metadata[name]) for name in _HEADERS if name in metadata}
    http_status = int(metadata.get(HTTP_STATUS_KEY) or _http_status(error.code()))
    return Refused(http_status, status, headers)


def _http_status(code: grpc.StatusCode) -> int:
    return _HTTP.get(code, HTTPStatus.INTERNAL_SERVER_ERROR)


def metadata_of(connection: HTTPConnection) -> Metadata:
    """What the API is told of a caller: token and key, address, trace, an id.

    What no header can hold is not told: the API says then that there is none.
    """
    request_id = usable_request_id(connection.headers.get(REQUEST_ID_KEY, "")) or new_request_id()
    told = _credentials_of(connection)
    told += [(name, value) for name in _PASSED_ON for value in connection.headers.getlist(name)]
    known = [(name, value) for name, value in told if is_printable_ascii(value)]
    return (*known, (REQUEST_ID_KEY, request_id))


def _credentials_of(connection: HTTPConnection) -> list[tuple[str, str]]:
    """Return the token and the keys as they were given.

    A token stands in the header or, as browsers cannot set one for a WebSocket, in the query. Where
    a browser has a key, it stands there, too.
    """
    token = connection.query_params.get("access_token")
    tokens = [token] if token else connection.headers.getlist(AUTHORIZATION_KEY)
    told = [(API_KEY_KEY, key) for key in connection.headers.getlist(API_KEY_KEY)]
    for token in tokens:
        key = _KEY.fullmatch(token)
        told.append((API_KEY_KEY, key[1]) if key else (AUTHORIZATION_KEY, token))
    return told


def request_id_in(metadata: Metadata) -> str:
    """The request's id."""
    return dict(metadata)[REQUEST_ID_KEY]


class Api:
    """The workers, each of which may be asked. Make it where an event loop runs.

    With an `identity` by mutual TLS; when its files are renewed, new calls go by new connections.
    """

    def __init__(self, workers: tuple[str, ...], identity: Identity | None = None) -> None:
        self._workers = workers
        self._renewal = Renewal(identity) if identity else None
        self._leaving: set[asyncio.Task[None]] = set()
        self._turns = cycle(range(len(workers)))
        self._connect(self._renewal.current if self._renewal else None)

    def _connect(self, pems: Pems | None) -> None:
        self._channels = [channel(address, pems, _OPTIONS) for address in self._workers]
        self._stubs = [ai_pb2_grpc.AiServiceStub(channel) for channel in self._channels]

    async def check(self, metadata: Metadata) -> None:
        """Returns if the token is good. Raises Refused."""
        for attempt in reversed(range(len(self._stubs))):
            try:
                await self._stub().GetQuota(
                    ai_pb2.GetQuotaRequest(), metadata=metadata, timeout=CHECK_SECONDS
                )
            except aio.AioRpcError as error:
                was_answered = status_in(error.trailing_metadata()) is not None
                if error.code() != grpc.StatusCode.UNAVAILABLE or was_answered or not attempt:
                    raise refused(error) from None
            else:
                return

    def chat(self, metadata: Metadata) -> Chat:
        """Begins a conversation."""
        return self._stub().Chat(metadata=metadata)

    async def close(self) -> None:
        """Ends all calls."""
        for leaving in self._leaving:
            leaving.cancel()
        for one in self._channels:
            await one.close()

    def _stub(self) -> ai_pb2_grpc.AiServiceStub:
        """The next worker's; one that is known to be away is passed over where there is another."""
        self._renew()
        first, count = next(self._turns), len(self._stubs)
        turns = [(first + number) % count for number in range(count)]
        away = grpc.ChannelConnectivity.TRANSIENT_FAILURE
        reachable = (n for n in turns if self._channels[n].get_state(True) != away)
        return self._stubs[next(reachable, turns[0])]

    def _renew(self) -> None:
        """Connects anew if files were renewed; what goes on, goes on by the old connections."""
        pems = self._renewal and self._renewal.renewed()
        if not pems:
            return
        for one in self._channels:
            leaving = asyncio.create_task(one.close(MAX_CHAT_SECONDS))
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)
        self._connect(pems)
