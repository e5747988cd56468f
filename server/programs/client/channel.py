"""The URL of a server, and what its errors mean to the person at the keyboard."""

import ipaddress
from collections.abc import Awaitable
from typing import TypeVar
from urllib.parse import urlsplit

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc import aio

from server.errors import StartError
from server.libraries.network.channel import refused_status
from server.programs.client.text import printable, waiting_time, warn

Reply = TypeVar("Reply")
Detail = TypeVar("Detail", bound=Message)

DEFAULT_URL = "http://127.0.0.1:8080"
# For one call that is no file.
SECONDS = 30.0
_WORDS = {
    "WRONG_PASSWORD": "The username or the password is wrong: try again.",
    "USERNAME_TAKEN": "The username is taken: choose another.",
}
# Without a reason of ours, what gRPC says of a stream that was reset.
BROKEN = (grpc.StatusCode.INTERNAL, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN)
_ENDED = ("SESSION_ENDED", "INVALID_REFRESH_TOKEN", "INVALID_ACCESS_TOKEN", "ACCESS_TOKEN_EXPIRED")


class Refused(StartError):
    """A call came to nothing. The text says why and what to do next.

    `code` is that of the status, `reason` what the server says to programs; empty if it is not a
    Gymlocker that spoke. `said` is its message.
    """

    def __init__(self, text: str, code: grpc.StatusCode, reason: str, said: str) -> None:
        super().__init__(text)
        self.code = code
        self.reason = reason
        self.said = said


def checked_url(url: str) -> str:
    """The URL of a server without a final slash. gRPC knows no path. Raises StartError."""
    address = url.rstrip("/")
    try:
        parts = urlsplit(address)
        complete = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        complete = False
    if not complete or address != f"{parts.scheme}://{parts.netloc}" or "@" in parts.netloc:
        raise StartError(
            f"{printable(url)!r} is not an address: give --url as http://host:port or "
            "https://host:port."
        )
    return address


def warn_of_eavesdroppers(url: str) -> None:
    """Says so where a password is about to cross a network in the clear."""
    parts = urlsplit(url)
    if parts.scheme == "http" and not _is_this_machine(parts.hostname or ""):
        warn(
            f"Everybody on the way to {url} can read your password and your diary: use https:// "
            "unless you trust that network."
        )


async def answer(url: str, call: Awaitable[Reply]) -> Reply:
    """What the server at `url` answers. Raises Refused."""
    try:
        return await call
    except aio.AioRpcError as error:
        raise refused(url, error) from error


def refused(url: str, error: aio.AioRpcError) -> Refused:
    """The error for a person."""
    status = refused_status(error)
    info = _detail(status, error_details_pb2.ErrorInfo())
    reason = info.reason if info and info.domain == "gymlocker" else ""
    said = printable(error.details() or "")
    return Refused(_sentence(url, error, status, reason, said), error.code(), reason, said)


def _sentence(
    url: str, error: aio.AioRpcError, status: status_pb2.Status, reason: str, said: str
) -> str:
    if reason in _WORDS:
        return _WORDS[reason]
    if reason in _ENDED:
        where = "" if url == DEFAULT_URL else f" --url {url}"
        return f"Your session at {url} has ended: run `gymlocker login{where}`."
    match error.code():
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            return _too_much(status, said)
        case grpc.StatusCode.UNAVAILABLE if not _was_answered(error):
            return (
                f"No Gymlocker answers at {url}: start one there with `gymlocker up`, or say "
                "where it is with `gymlocker login --url`."
            )
        case grpc.StatusCode.UNAVAILABLE:
            return f"The server at {url} cannot answer right now: try again in a moment."
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return f"The server at {url} took too long to answer: try again."
        case code if not reason and code in BROKEN:
            return f"The connection to {url} broke off ({said}): try again."
        case _ if not reason:
            return f"What answers at {url} is not a Gymlocker ({said}): see to --url."
        case grpc.StatusCode.INVALID_ARGUMENT:
            return f"The server does not take that. {said}"
    return said


def _too_much(status: status_pb2.Status, said: str) -> str:
    retry = _detail(status, error_details_pb2.RetryInfo())
    if retry is None:
        return said
    cause = said.partition(".")[0]
    return f"{cause}: try again in {waiting_time(max(1, retry.retry_delay.seconds))}."


def _was_answered(error: aio.AioRpcError) -> bool:
    """Envoy puts a request id into whatever it answers; gRPC's own errors bring nothing."""
    return bool(error.initial_metadata() or error.trailing_metadata())


def _detail(status: status_pb2.Status, empty: Detail) -> Detail | None:
    """The detail of the kind of `empty`, which is filled in."""
    for detail in status.details:
        if detail.Is(empty.DESCRIPTOR):
            detail.Unpack(empty)
            return empty
    return None


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
