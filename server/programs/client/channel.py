"""Calls to a server, and their errors as sentences for the user."""

import ipaddress
from collections.abc import Awaitable
from typing import TypeVar
from urllib.parse import urlsplit

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc import aio

from server.errors import StartError
from server.libraries.network.channel import error_status
from server.libraries.network.grpc_protocol import ERROR_DOMAIN
from server.libraries.network.url import DEFAULT_URL
from server.programs.client.text import printable, waiting_time, warn

Response = TypeVar("Response")
Detail = TypeVar("Detail", bound=Message)

# Timeout of a call, except for files.
CALL_TIMEOUT_SECONDS = 30.0
_SENTENCES = {
    "WRONG_PASSWORD": "The username or password is wrong: try again.",
    "USERNAME_TAKEN": "The username is taken: choose another one.",
}
# Codes that gRPC reports for a reset stream, if they come without a reason of ours.
BROKEN = (grpc.StatusCode.INTERNAL, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN)
_SESSION_ENDED = (
    "SESSION_ENDED",
    "INVALID_REFRESH_TOKEN",
    "INVALID_ACCESS_TOKEN",
    "ACCESS_TOKEN_EXPIRED",
)


class RequestFailed(StartError):
    """A request failed. The text states the cause and the remedy.

    `code` and `message` are those of the status. `reason` is the reason in ErrorInfo; it is empty
    if the response does not come from a Gymlocker.
    """

    def __init__(self, text: str, code: grpc.StatusCode, reason: str, message: str) -> None:
        super().__init__(text)
        self.code = code
        self.reason = reason
        self.message = message


def warn_if_unencrypted(url: str) -> None:
    """Warn if the password is about to cross a network in the clear."""
    parts = urlsplit(url)
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        warn(
            f"The connection to {url} is not encrypted, so others on the network can read your "
            "password and your diary: use https:// unless you trust the network."
        )


async def response_of(url: str, call: Awaitable[Response]) -> Response:
    """Return the response of the server at `url`. Raises RequestFailed."""
    try:
        return await call
    except aio.AioRpcError as error:
        raise request_failed(url, error) from error


def request_failed(url: str, error: aio.AioRpcError) -> RequestFailed:
    """Return the error for the user."""
    status = error_status(error)
    info = _detail(status, error_details_pb2.ErrorInfo())
    reason = info.reason if info and info.domain == ERROR_DOMAIN else ""
    message = printable(error.details() or "")
    text = _sentence(url, error, status, reason, message)
    return RequestFailed(text, error.code(), reason, message)


def _sentence(
    url: str, error: aio.AioRpcError, status: status_pb2.Status, reason: str, message: str
) -> str:
    if reason in _SENTENCES:
        return _SENTENCES[reason]
    if reason in _SESSION_ENDED:
        option = "" if url == DEFAULT_URL else f" --url {url}"
        return f"Your session at {url} has ended: run `gymlocker login{option}`."
    match error.code():
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            return _rate_limited(status, message)
        case grpc.StatusCode.UNAVAILABLE if not _has_response(error):
            return (
                f"No server responds at {url}: start one with `gymlocker up`, or log in to another "
                "one with `gymlocker login --url`."
            )
        case grpc.StatusCode.UNAVAILABLE:
            return f"The server at {url} is unavailable: try again in a moment."
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return f"The server at {url} took too long to respond: try again."
        case code if not reason and code in BROKEN:
            return f"The connection to {url} was interrupted ({message}): try again."
        case _ if not reason:
            return f"The server at {url} is not a Gymlocker ({message}): check --url."
        case grpc.StatusCode.INVALID_ARGUMENT:
            return f"The server rejected the request. {message}"
    return message


def _rate_limited(status: status_pb2.Status, message: str) -> str:
    retry = _detail(status, error_details_pb2.RetryInfo())
    if retry is None:
        return message
    cause = message.partition(".")[0]
    return f"{cause}: try again in {waiting_time(max(1, retry.retry_delay.seconds))}."


def _has_response(error: aio.AioRpcError) -> bool:
    """Check whether the error is a response: Envoy's carry a request id, gRPC's own no metadata."""
    return bool(error.initial_metadata() or error.trailing_metadata())


def _detail(status: status_pb2.Status, empty: Detail) -> Detail | None:
    """Return `empty`, filled with the first detail of its type; None if there is none."""
    for detail in status.details:
        if detail.Is(empty.DESCRIPTOR):
            detail.Unpack(empty)
            return empty
    return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
