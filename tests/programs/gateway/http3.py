"""An HTTP/3 client."""

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
class Response:
    """A response; `headers` include the trailers."""

    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def status(self) -> int:
        return int(self.headers[":status"])

    def json(self) -> Any:
        return json.loads(self.body)


class Connection(QuicConnectionProtocol):
    """A connection for requests."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._http = H3Connection(self._quic)
        self._responses: dict[int, Response] = {}

    @property
    def certificate(self) -> Certificate:
        """The server's certificate."""
        shown = self._quic.tls._peer_certificate
        assert shown
        return shown

    def open_no_windows(self) -> None:
        """Never extend the windows, so that the server can send only their initial size."""
        for name in ("_write_connection_limits", "_write_stream_limits"):
            setattr(self._quic, name, lambda *_, **__: None)

    async def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> Response:
        """Send a request, and return the whole response. Raises ConnectionError."""
        stream = self._quic.get_next_available_stream_id()
        response = self._responses[stream] = Response()
        fields = {":method": method, ":scheme": "https", ":authority": HOST, ":path": path}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [(name.encode(), value.encode()) for name, value in fields.items()]
        self._http.send_headers(stream, lines, end_stream=not body)
        if body:
            self._http.send_data(stream, body, end_stream=True)
        self.transmit()
        async with asyncio.timeout(TIMEOUT):
            await response.ended.wait()
        if not response.headers:
            raise ConnectionError("closed without a response")
        return response

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, ConnectionTerminated):
            for response in self._responses.values():
                response.ended.set()
        for one in self._http.handle_event(event):
            if isinstance(one, HeadersReceived):
                response = self._responses[one.stream_id]
                response.headers |= {name.decode(): value.decode() for name, value in one.headers}
            elif isinstance(one, DataReceived):
                response = self._responses[one.stream_id]
                response.body += one.data
            else:
                continue
            if one.stream_ended:
                response.ended.set()


@asynccontextmanager
async def connected(
    port: int, root: Path, take_ticket: Callable[[SessionTicket], None] | None = None
) -> AsyncIterator[Connection]:
    """Connect to this machine, trusting only `root`. `take_ticket` receives session tickets."""
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
