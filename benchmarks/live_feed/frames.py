"""As much of HTTP/2 and gRPC as a follower needs: one call at a time on a connection.

A client library would take more of the machine than the server that is measured.
"""

import struct
from collections.abc import Iterator

from google.protobuf.message import Message

# Never waits for WINDOW_UPDATE.
_WINDOW = 2**31 - 1
_HEAD = struct.Struct(">BHBBI")
_PREFIX = struct.Struct(">BI")
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
_END_STREAM, _ACK, _END_HEADERS = 1, 1, 4
_MAX_FRAME = 16_384


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return _HEAD.pack(len(payload) >> 16, len(payload) & 0xFFFF, kind, flags, stream) + payload


HANDSHAKE = b"".join(
    (
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        _frame(_SETTINGS, 0, 0, struct.pack(">HI", 4, _WINDOW)),
        _frame(_WINDOW_UPDATE, 0, 0, struct.pack(">I", _WINDOW - 65_535)),
    )
)


def call(method: str, request: Message, *, stream: int = 1) -> bytes:
    """Return a call, such as of EventService/GetEvents. Streams have odd, increasing numbers."""
    body = request.SerializeToString()
    body = _PREFIX.pack(0, len(body)) + body
    if len(body) > _MAX_FRAME:
        raise ValueError("the request is too long for one frame")
    headers = _frame(_HEADERS, _END_HEADERS, stream, _headers(f"/gymlocker.v2.{method}"))
    return headers + _frame(_DATA, _END_STREAM, stream, body)


class Incoming:
    """The bytes of one connection that are not yet a message. `has_ended` is of the last call."""

    __slots__ = ("_data", "_received", "has_ended")

    def __init__(self) -> None:
        self._received = b""
        self._data = b""
        self.has_ended = False

    def messages(self, received: bytes, answer: bytearray) -> Iterator[bytes]:
        """Yield complete messages; append what the client must answer."""
        received = self._received + received
        start = 0
        while len(received) - start >= 9:
            high, low, kind, flags, _ = _HEAD.unpack_from(received, start)
            end = start + 9 + (high << 16 | low)
            if end > len(received):
                break
            if kind == _DATA:
                self._data += received[start + 9 : end]
                yield from self._whole()
            elif kind in (_SETTINGS, _PING) and not flags & _ACK:
                payload = received[start + 9 : end] if kind == _PING else b""
                answer += _frame(kind, _ACK, 0, payload)
            if kind in (_RST_STREAM, _GOAWAY) or (
                kind in (_DATA, _HEADERS) and flags & _END_STREAM
            ):
                self.has_ended = True
            start = end
        self._received = received[start:]

    def _whole(self) -> Iterator[bytes]:
        data, start = self._data, 0
        while len(data) - start >= 5:
            end = start + 5 + _PREFIX.unpack_from(data, start)[1]
            if end > len(data):
                break
            yield data[start + 5 : end]
            start = end
        self._data = data[start:]


def _headers(path: str) -> bytes:
    """Return the header block of a call, without compression."""
    fields = {
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": "127.0.0.1",
        "content-type": "application/grpc",
        "te": "trailers",
    }
    # Literals that no table remembers; all lengths are below 127.
    return b"".join(
        b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
        for name, value in fields.items()
    )
