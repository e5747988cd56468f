"""A TCP proxy that cuts connections in the middle of replies."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

SIZE = 64 * 1024


class CuttingProxy:
    """A proxy before a port of this machine.

    It passes on `budget` more bytes of replies, and then cuts the connection that has more to
    deliver, once `may_cut` is set (it is set at first). None is no limit. `cuts` counts.
    """

    def __init__(self, port: int) -> None:
        self.budget: int | None = None
        self.may_cut = asyncio.Event()
        self.may_cut.set()
        self.cuts = 0
        self._port = port
        self._connections: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Run the proxy; yield its URL."""
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        try:
            port = server.sockets[0].getsockname()[1]
            yield f"http://127.0.0.1:{port}"
        finally:
            server.close()
            for connection in self._connections:
                connection.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        upstream = await asyncio.open_connection("127.0.0.1", self._port)
        requests = asyncio.create_task(_pass_on(reader, upstream[1]))
        try:
            with suppress(ConnectionError):
                await self._pass_replies(upstream[0], writer)
        finally:
            requests.cancel()
            upstream[1].transport.abort()
            # The client still gets what was passed on.
            writer.close()

    async def _pass_replies(
        self, replies: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while data := await replies.read(SIZE):
            if self.budget is not None:
                passed, rest = data[: self.budget], data[self.budget :]
                self.budget -= len(passed)
                writer.write(passed)
                if rest:
                    await self.may_cut.wait()
                    self.cuts += 1
                    return
            else:
                writer.write(data)
            await writer.drain()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(SIZE):
            writer.write(data)
            await writer.drain()
