"""Encoding and decoding of SignalR's JSON hub protocol, version 1. Pure functions.

https://github.com/dotnet/aspnetcore/blob/main/src/SignalR/docs/specs/HubProtocol.md
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeGuard

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

END = "\x1e"

INVOCATION = 1
COMPLETION = 3
STREAM_INVOCATION = 4
PING = 6
CLOSE = 7

NAME = "json"
VERSION = 1


class Malformed(Exception):
    """Input that violates the protocol. The message says why, without quoting the input."""


@dataclass(frozen=True)
class Invocation:
    """A call by the client; without an `id`, it expects no completion."""

    id: str | None
    target: str
    arguments: tuple[object, ...]
    streams: bool


class Records:
    """Reassembly of records: a frame may hold several, or a part of one."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        # Parts of the incomplete record, joined once so that small frames do not cost more.
        self._parts: list[str] = []
        self._bytes = 0

    def feed(self, text: str) -> Iterator[str]:
        """Yield the records completed by `text`. Raises Malformed if one is too long."""
        for number, part in enumerate(text.split(END)):
            if number:
                yield "".join(self._parts)
                self._parts, self._bytes = [], 0
            if part:
                self._parts.append(part)
                self._bytes += len(part.encode())
            if self._bytes > self._max_bytes:
                raise Malformed(f"A record is longer than {self._max_bytes} bytes.")


def parse(record: str) -> dict[str, Any]:
    """Return the JSON object of a record. Raises Malformed."""
    try:
        value = json.loads(record)
    except (ValueError, RecursionError):
        raise Malformed("A record is not JSON.") from None
    if not isinstance(value, dict):
        raise Malformed("A record is not a JSON object.")
    return value


def handshake_error(record: str) -> str | None:
    """Return the error of the client's handshake, or None. Raises Malformed."""
    request = parse(record)
    if request.get("protocol") != NAME:
        return f"Only the protocol '{NAME}' is supported."
    if not is_integer(request.get("version")) or request["version"] != VERSION:
        return f"Only version {VERSION} of the protocol is supported."
    return None


def type_of(message: dict[str, Any]) -> int:
    """Return the type of a message. Raises Malformed."""
    kind = message.get("type")
    if not is_integer(kind):
        raise Malformed("A message has no type.")
    return kind


def invocation_of(message: dict[str, Any]) -> Invocation:
    """Return the call in a message. Raises Malformed."""
    invocation_id, target = message.get("invocationId"), message.get("target")
    arguments, streams = message.get("arguments"), message.get("streamIds") or []
    if invocation_id is not None and not is_text(invocation_id):
        raise Malformed("An invocationId is not a string.")
    if not is_text(target) or not isinstance(arguments, list):
        raise Malformed("An invocation has no target or no arguments.")
    streams = bool(streams) or message["type"] == STREAM_INVOCATION
    return Invocation(invocation_id or None, target, tuple(arguments), streams)


def is_text(value: object) -> TypeGuard[str]:
    """Check whether a value is a valid string: JSON can contain lone surrogates."""
    return isinstance(value, str) and not any("\ud800" <= c <= "\udfff" for c in value)


def is_integer(value: object) -> TypeGuard[int]:
    """Check whether a value is an integer and not a boolean."""
    return isinstance(value, int) and not isinstance(value, bool)


def record_of(message: dict[str, Json]) -> str:
    """Return a message as a record."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")) + END


def receive_message(message: Json) -> str:
    """Return the record that delivers `message` to the client."""
    return record_of({"type": INVOCATION, "target": "ReceiveMessage", "arguments": [message]})


def completion(invocation_id: str, error: str | None) -> str:
    """Return the record that completes a call."""
    message: dict[str, Json] = {"type": COMPLETION, "invocationId": invocation_id}
    # A completion has either a result or an error. No method here returns a value.
    return record_of(message | ({"result": None} if error is None else {"error": error}))


def close(error: str | None, *, allow_reconnect: bool) -> str:
    """Return the last record of a connection."""
    message: dict[str, Json] = {"type": CLOSE, "allowReconnect": allow_reconnect}
    return record_of(message | ({"error": error} if error else {}))


PING_RECORD = record_of({"type": PING})


def handshake_response(error: str | None) -> str:
    """Return the record that answers the handshake."""
    return record_of({"error": error} if error else {})
