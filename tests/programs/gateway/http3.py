"""A client of HTTP/3."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, QuicEvent
from aioquic.tls import SessionTicket
from cryptography.x509 import Certificate

from .authority import HOST

TIMEOUT = 15


@dataclass
class Reply:
    """What came back; `headers` hold the trailers too."""

    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def status(self) -> int:
        return int(self.headers[":status"])

    def json(self) -> Any:
        return json.loads(self.body)


class Connection(QuicConnectionProtocol):
    """A connection, on which requests are made."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._http = H3Connection(self._quic)
        self._replies: dict[int, Reply] = {}

    @property
    def certificate(self) -> Certificate:
        """The one that the server has shown."""
        shown = self._quic.tls._peer_certificate
        assert shown
        return shown

    def open_no_windows(self) -> None:
        """Read no more than the server may send at the start."""
        for name in ("_write_connection_limits", "_write_stream_limits"):
            setattr(self._quic, name, lambda *_, **__: None)

    async def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> Reply:
        """Makes a request; returns the whole reply. Raises ConnectionError."""
        stream = self._quic.get_next_available_stream_id()
        reply = self._replies[stream] = Reply()
        said = {":method": method, ":scheme": "https", ":authority": HOST, ":path": path}
        said |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [(name.encode(), value.encode()) for name, value in said.items()]
        self._http.send_headers(stream, lines, end_stream=not body)
        if body:
            self._http.send_data(stream, body, end_stream=True)
        self.transmit()
        async with asyncio.timeout(TIMEOUT):
            await reply.ended.wait()
        if not reply.headers:
            raise ConnectionError("closed without a reply")
        return reply

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, ConnectionTerminated):
            for reply in self._replies.values():
                reply.ended.set()
        for one in self._http.handle_event(event):
            if isinstance(one, HeadersReceived):
                reply = self._replies[one.stream_id]
                reply.headers |= {name.decode(): value.decode() for name, value in one.headers}
            elif isinstance(one, DataReceived):
                reply = self._replies[one.stream_id]
                reply.body += one.data
            else:
                continue
            if one.stream_ended:
                reply.ended.set()


@asynccontextmanager
async def connected(
    port: int, root: Path, take_ticket: Callable[[SessionTicket], None] | None = None
) -> AsyncIterator[Connection]:
    """Connects to this machine, trusting `root` alone. `take_ticket` gets what resumes it."""
    configuration = QuicConfiguration(alpn_protocols=H3_ALPN, server_name=HOST)
    configuration.load_verify_locations(str(root))
    async with connect(
        "127.0.0.1",
        port,
        configuration=configuration,
        create_protocol=Connection,
        session_ticket_handler=take_ticket,
    ) as connection:
        assert isinstance(connection, Connection)
        yield connection
