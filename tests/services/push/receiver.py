"""A push service: an HTTPS server that keeps what it gets."""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.programs.gateway.authority import Authority
from tests.support.waiting import eventually


@dataclass(frozen=True)
class Push:
    """A request to the push service."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """The push service. `answers` are the next responses as they are sent; then 201."""

    authority: Path
    host: str
    port: int = 0
    pushes: list[Push] = field(default_factory=list)
    answers: deque[bytes] = field(default_factory=deque)
    connections: int = 0
    _serving: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def origin(self) -> str:
        """Return the origin of its endpoints."""
        return f"https://{self.host}:{self.port}"

    def answer(self, status: int, *headers: str, body: bytes = b"") -> None:
        """Add a response."""
        lines = [f"HTTP/1.1 {status} Status", f"Content-Length: {len(body)}", *headers, "", ""]
        self.answers.append("\r\n".join(lines).encode() + body)

    def to(self, path: str) -> list[Push]:
        """Return the pushes to one endpoint."""
        return [push for push in self.pushes if push.path == path]

    async def count(self, number: int) -> Sequence[Push]:
        """Wait until there are so many pushes, and return them."""
        await eventually(lambda: len(self.pushes) >= number)
        return self.pushes

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        task = asyncio.current_task()
        assert task
        self._serving.add(task)
        try:
            while True:
                self.pushes.append(await _read(reader))
                default = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"
                writer.write(self.answers.popleft() if self.answers else default)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort()
            self._serving.discard(task)

    async def stop(self) -> None:
        """End all connections."""
        tasks = list(self._serving)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # The transports close in the next turn of the loop.
        await asyncio.sleep(0)


async def _read(reader: asyncio.StreamReader) -> Push:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    body = await reader.readexactly(int(headers["content-length"]))
    return Push(first.split(" ")[1], headers, body)


@asynccontextmanager
async def receiving(authority: Authority, host: str = "localhost") -> AsyncIterator[Receiver]:
    """Run a push service on this machine with a certificate for `host`."""
    folder = authority.folder
    authority.issue(folder / "receiver", host)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "receiver" / "chain.pem", folder / "receiver" / "key.pem")
    receiver = Receiver(authority.root, host)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=context)
    receiver.port = server.sockets[0].getsockname()[1]
    yield receiver
    server.close()
    await receiver.stop()
