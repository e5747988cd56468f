"""A client of the API for the hubs: it checks tokens and opens conversations."""

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
# As in envoy.yaml.
MAX_CHAT_SECONDS = 3600
INTERNAL = "Something went wrong in the server."
UNAVAILABLE = "The server cannot answer right now. Try again."

_OPTIONS = (
    # One name may resolve to many workers.
    ("grpc.lb_policy_name", "round_robin"),
    # Reconnect soon after a worker's restart.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)
# The client's address, set by Envoy, and the client's trace.
_FORWARDED = (ADDRESS_KEY, TRACE_PARENT_KEY)
# Trailing metadata that is also an HTTP header.
_HEADERS = (RETRY_AFTER_KEY, AUTHENTICATE_KEY)
# A token without a store is an API key. SignalR's client may put Bearer before it.
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
# Codes without details from the API: the worker was unreachable, or went away.
_UNREACHABLE = (
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.UNAVAILABLE,
)


class ApiError(Exception):
    """An error of the API, or of ours in its form. `status` may be shown to clients."""

    def __init__(
        self, http_status: int, status: status_pb2.Status, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status.message)
        self.http_status = http_status
        self.status = status
        self.headers = headers or {}

    @property
    def message(self) -> str:
        """The message for people."""
        return str(self.status.message)

    def body(self) -> dict[str, Any]:
        """Return the JSON body that the REST API would send."""
        return json_format.MessageToDict(
            self.status,
            always_print_fields_with_no_presence=True,
            # This pool contains the types of the details.
            descriptor_pool=error_details_pb2.DESCRIPTOR.pool,
        )


def api_error(
    code: grpc.StatusCode, message: str, reason: str, retry_after: int | None = None
) -> ApiError:
    """Return an error of our own; `retry_after` is in seconds."""
    status = status_pb2.Status(code=code.value[0], message=message)
    info = error_details_pb2.ErrorInfo(reason=reason, domain=ERROR_DOMAIN)
    status.details.add().Pack(info)
    if retry_after is None:
        return ApiError(_http_status(code), status)
    delay = duration_pb2.Duration(seconds=retry_after)
    status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    return ApiError(_http_status(code), status, {RETRY_AFTER_KEY: str(retry_after)})


def unavailable() -> ApiError:
    """Return the error for a temporary failure."""
    return api_error(grpc.StatusCode.UNAVAILABLE, UNAVAILABLE, "UNAVAILABLE", retry_after=1)


def too_many_conversations(limit: int) -> ApiError:
    """Return the error for a network with the maximum number of conversations."""
    message = f"Your network has {limit} conversations open, the limit. Close one, then try again."
    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    return api_error(code, message, "TOO_MANY_CALLS", retry_after=1)


def unknown_path() -> ApiError:
    """Return the error for an unknown path."""
    return api_error(grpc.StatusCode.NOT_FOUND, "There is no such path or method.", "UNKNOWN_PATH")


def unknown_method() -> ApiError:
    """Return the error for a path with other methods."""
    message = "This path does not support this method. The Allow header lists its methods."
    return api_error(grpc.StatusCode.UNIMPLEMENTED, message, "METHOD_NOT_ALLOWED")


def internal_error() -> ApiError:
    """Return the error for an unhandled exception."""
    return api_error(grpc.StatusCode.INTERNAL, INTERNAL, "INTERNAL")


def from_rpc_error(error: aio.AioRpcError) -> ApiError:
    """Return the API's error of a failed call, without gRPC's own messages and addresses."""
    metadata = dict(error.trailing_metadata() or ())
    status = status_in(error.trailing_metadata())
    if status is None:
        return unavailable() if error.code() in _UNREACHABLE else internal_error()
    headers = {name: str(metadata[name]) for name in _HEADERS if name in metadata}
    http_status = int(metadata.get(HTTP_STATUS_KEY) or _http_status(error.code()))
    return ApiError(http_status, status, headers)


def _http_status(code: grpc.StatusCode) -> int:
    return _HTTP.get(code, HTTPStatus.INTERNAL_SERVER_ERROR)


def metadata_of(connection: HTTPConnection) -> Metadata:
    """Return the metadata for the API: credentials, address, trace and request id.

    Values that no header can hold are left out; the API then reports them as missing.
    """
    request_id = usable_request_id(connection.headers.get(REQUEST_ID_KEY, "")) or new_request_id()
    pairs = _credentials_of(connection)
    pairs += [(name, value) for name in _FORWARDED for value in connection.headers.getlist(name)]
    valid = [(name, value) for name, value in pairs if is_printable_ascii(value)]
    return (*valid, (REQUEST_ID_KEY, request_id))


def _credentials_of(connection: HTTPConnection) -> list[tuple[str, str]]:
    """Return the token and the API keys as they were sent.

    A token is in the header or in the query, as browsers cannot set headers for a WebSocket. An API
    key may take the place of the token.
    """
    token = connection.query_params.get("access_token")
    tokens = [token] if token else connection.headers.getlist(AUTHORIZATION_KEY)
    pairs = [(API_KEY_KEY, key) for key in connection.headers.getlist(API_KEY_KEY)]
    for token in tokens:
        key = _KEY.fullmatch(token)
        pairs.append((API_KEY_KEY, key[1]) if key else (AUTHORIZATION_KEY, token))
    return pairs


def request_id_in(metadata: Metadata) -> str:
    """Return the request id."""
    return dict(metadata)[REQUEST_ID_KEY]


class ChatClient:
    """A client of all workers, over mutual TLS with an `identity`. Needs a running event loop.

    When the identity's files are renewed, new calls use new connections.
    """

    def __init__(self, workers: tuple[str, ...], identity: Identity | None = None) -> None:
        self._workers = workers
        self._renewal = Renewal(identity) if identity else None
        self._closing: set[asyncio.Task[None]] = set()
        self._turns = cycle(range(len(workers)))
        self._connect(self._renewal.current if self._renewal else None)

    def _connect(self, pems: Pems | None) -> None:
        self._channels = [channel(address, pems, _OPTIONS) for address in self._workers]
        self._stubs = [ai_pb2_grpc.AiServiceStub(channel) for channel in self._channels]

    async def check(self, metadata: Metadata) -> None:
        """Check the credentials in `metadata`. Raises ApiError."""
        for attempt in reversed(range(len(self._stubs))):
            try:
                await self._stub().GetQuota(
                    ai_pb2.GetQuotaRequest(), metadata=metadata, timeout=CHECK_SECONDS
                )
            except aio.AioRpcError as error:
                has_details = status_in(error.trailing_metadata()) is not None
                if error.code() != grpc.StatusCode.UNAVAILABLE or has_details or not attempt:
                    raise from_rpc_error(error) from None
            else:
                return

    def chat(self, metadata: Metadata) -> Chat:
        """Open the stream of a conversation."""
        return self._stub().Chat(metadata=metadata)

    async def close(self) -> None:
        """End all calls."""
        for closing in self._closing:
            closing.cancel()
        for old in self._channels:
            await old.close()

    def _stub(self) -> ai_pb2_grpc.AiServiceStub:
        """Return the next worker's stub, skipping unreachable workers if possible."""
        self._renew()
        first, count = next(self._turns), len(self._stubs)
        turns = [(first + number) % count for number in range(count)]
        down = grpc.ChannelConnectivity.TRANSIENT_FAILURE
        reachable = (n for n in turns if self._channels[n].get_state(True) != down)
        return self._stubs[next(reachable, turns[0])]

    def _renew(self) -> None:
        """Reconnect if the files were renewed; calls in flight keep the old connections."""
        pems = self._renewal and self._renewal.renewed()
        if not pems:
            return
        for old in self._channels:
            closing = asyncio.create_task(old.close(MAX_CHAT_SECONDS))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
        self._connect(pems)
