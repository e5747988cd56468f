"""SignalR's JSON hub protocol, version 1: records, and what stands in them. Pure functions.

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
    """What came is not the protocol; the text says why, and quotes nothing."""


@dataclass(frozen=True)
class Invocation:
    """A call by the client; without an `id`, it wants no answer."""

    id: str | None
    target: str
    arguments: tuple[object, ...]
    streams: bool


class Records:
    """Puts records together: a frame may hold several, or a part of one."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        # Of the record that is not complete. Joined once: small frames must not cost more.
        self._parts: list[str] = []
        self._bytes = 0

    def feed(self, text: str) -> Iterator[str]:
        """The records that are complete by now. Raises Malformed for one that is too long."""
        for number, part in enumerate(text.split(END)):
            if number:
                yield "".join(self._parts)
                self._parts, self._bytes = [], 0
            if part:
                self._parts.append(part)
                self._bytes += len(part.encode())
            if self._bytes > self._max_bytes:
                raise Malformed(f"A record is longer than {self._max_bytes} bytes.")


def parsed(record: str) -> dict[str, Any]:
    """The object that a record is. Raises Malformed."""
    try:
        value = json.loads(record)
    except (ValueError, RecursionError):
        raise Malformed("A record is not JSON.") from None
    if not isinstance(value, dict):
        raise Malformed("A record is not a JSON object.")
    return value


def handshake_error(record: str) -> str | None:
    """What is wrong with the client's handshake; None: nothing. Raises Malformed."""
    request = parsed(record)
    if request.get("protocol") != NAME:
        return f"Only the protocol '{NAME}' is spoken here."
    if not is_integer(request.get("version")) or request["version"] != VERSION:
        return f"Only version {VERSION} of the protocol is spoken here."
    return None


def type_of(message: dict[str, Any]) -> int:
    """The type of a message. Raises Malformed."""
    kind = message.get("type")
    if not is_integer(kind):
        raise Malformed("A message has no type.")
    return kind


def invocation_of(message: dict[str, Any]) -> Invocation:
    """The call that a message is. Raises Malformed."""
    invocation_id, target = message.get("invocationId"), message.get("target")
    arguments, streams = message.get("arguments"), message.get("streamIds") or []
    if invocation_id is not None and not is_text(invocation_id):
        raise Malformed("An invocationId is not a string.")
    if not is_text(target) or not isinstance(arguments, list):
        raise Malformed("An invocation has no target, or no arguments.")
    streams = bool(streams) or message["type"] == STREAM_INVOCATION
    return Invocation(invocation_id or None, target, tuple(arguments), streams)


def is_text(value: object) -> TypeGuard[str]:
    """Whether it is a string that can be sent on: JSON can write halves of characters."""
    return isinstance(value, str) and not any("\ud800" <= c <= "\udfff" for c in value)


def is_integer(value: object) -> TypeGuard[int]:
    """Whether it is an integer, which `true` is not."""
    return isinstance(value, int) and not isinstance(value, bool)


def record_of(message: dict[str, Json]) -> str:
    """The record that a message is sent as."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")) + END


def receive_message(message: Json) -> str:
    """The record that hands `message` to the client."""
    return record_of({"type": INVOCATION, "target": "ReceiveMessage", "arguments": [message]})


def completion(invocation_id: str, error: str | None) -> str:
    """The record that answers a call."""
    message: dict[str, Json] = {"type": COMPLETION, "invocationId": invocation_id}
    # Either is there, never both. No method here has a result but the one that says it is done.
    return record_of(message | ({"result": None} if error is None else {"error": error}))


def close(error: str | None, *, allow_reconnect: bool) -> str:
    """The last record of a connection."""
    message: dict[str, Json] = {"type": CLOSE, "allowReconnect": allow_reconnect}
    return record_of(message | ({"error": error} if error else {}))


PING_RECORD = record_of({"type": PING})


def handshake_response(error: str | None) -> str:
    """The record that answers the handshake."""
    return record_of({"error": error} if error else {})
