"""Clients over HTTP/1.1 and HTTP/2 that do not read their responses."""

import asyncio
import socket
import struct
from collections import Counter
from typing import Self

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _WINDOW_UPDATE = 0, 1, 3, 4, 6, 8
_INITIAL_WINDOW = 4
_ACK = _END_STREAM = 1
_END_HEADERS = 4


class UnreadingClient:
    """A client of HTTP/1.1 that sends one request and does not read the response."""

    def __init__(
        self, port: int, request: bytes, source: str = "127.0.0.1", buffer: int = 4096
    ) -> None:
        self._socket = socket.socket()
        # Bytes in the kernels' buffers count for neither side.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self._socket.bind((source, 0))
        self._socket.connect(("127.0.0.1", port))
        self._socket.sendall(request)

    @property
    def port(self) -> int:
        """Return the local port."""
        return int(self._socket.getsockname()[1])

    def was_rejected(self) -> bool:
        """Check whether the response is an error, which is short enough to be sent."""
        try:
            begin = self._socket.recv(12, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except OSError:
            return False
        return begin.startswith(b"HTTP/1.1 ") and not begin.endswith(b"200")

    def close(self) -> None:
        self._socket.close()


class WindowlessConnection:
    """An HTTP/2 connection with a window of zero, so that the server can send no body."""

    def __init__(self, port: int, source: str = "127.0.0.1") -> None:
        self._port = port
        self._source = source
        self._next = 1
        # Streams with headers, streams that the server reset, and all that ended.
        self.begun: set[int] = set()
        self.reset: set[int] = set()
        self.ended: set[int] = set()
        # Bytes of each stream's body.
        self.received: Counter[int] = Counter()

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(
            "127.0.0.1", self._port, local_addr=(self._source, 0)
        )
        settings = struct.pack("!HI", _INITIAL_WINDOW, 0)
        self._writer.write(_PREFACE + _frame(_SETTINGS, 0, 0, settings))
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.transport.abort()
        await asyncio.wait([self._listening])

    async def request(self, headers: dict[str, str], body: bytes) -> int:
        """Send a request; return its stream."""
        stream, self._next = self._next, self._next + 2
        block = b"".join(_literal(name, value) for name, value in headers.items())
        self._writer.write(_frame(_HEADERS, _END_HEADERS, stream, block))
        self._writer.write(_frame(_DATA, _END_STREAM, stream, body))
        await self._writer.drain()
        return stream

    def has_ended(self) -> bool:
        """Check whether all requests have ended."""
        return self._listening.done() or len(self.ended) == self._next // 2

    async def open_window(self, stream: int, size: int) -> None:
        """Let the server send `size` bytes."""
        for each in (0, stream):
            self._writer.write(_frame(_WINDOW_UPDATE, 0, each, size.to_bytes(4)))
        await self._writer.drain()

    async def _listen(self) -> None:
        try:
            while True:
                head = await self._reader.readexactly(9)
                size, kind, flags = int.from_bytes(head[:3]), head[3], head[4]
                stream = int.from_bytes(head[5:])
                payload = await self._reader.readexactly(size)
                if kind in (_HEADERS, _DATA) and flags & _END_STREAM:
                    self.ended.add(stream)
                if kind == _HEADERS:
                    self.begun.add(stream)
                elif kind == _DATA:
                    self.received[stream] += size
                elif kind == _RST_STREAM:
                    self.reset.add(stream)
                    self.ended.add(stream)
                elif kind in (_SETTINGS, _PING) and not flags & _ACK:
                    answer = payload if kind == _PING else b""
                    self._writer.write(_frame(kind, _ACK, 0, answer))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass


def grpc_headers(path: str) -> dict[str, str]:
    """Return the headers of a gRPC call."""
    return {
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": "gymlocker",
        "content-type": "application/grpc",
        "te": "trailers",
    }


def framed(message: bytes) -> bytes:
    """Return a message in a gRPC frame."""
    return struct.pack("!BI", 0, len(message)) + message


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload


def _literal(name: str, value: str) -> bytes:
    """Encode a header as a literal outside of the table; each part is below 127 bytes."""
    parts = (name.encode(), value.encode())
    return b"\0" + b"".join(bytes((len(part),)) + part for part in parts)
