"""Streams that their client does not read: nothing waits for it, and its calls still count."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest

from server.libraries.network.channel import open_channel
from server.libraries.rpc import live_stream
from server.libraries.rpc.context import Context
from server.libraries.rpc.live_stream import LiveStream, LiveStreams
from server.libraries.rpc.server import OPTIONS
from tests.support.unreading_clients import WindowlessConnection, framed, grpc_headers
from tests.support.waiting import eventually

PATH = "/test.Service/Watch"
MESSAGE = bytes(100_000)


@dataclass
class Watches:
    """A server with one method, whose streams wait for messages."""

    port: int = 0
    streams: LiveStreams = field(default_factory=LiveStreams)
    opened: weakref.WeakSet["Handle"] = field(default_factory=weakref.WeakSet)

    async def watch(self, request: bytes, context: Context) -> None:
        async with self.streams.opened(
            context.write, heartbeat=b"heartbeat", ended=lambda reason: reason.encode()
        ) as stream:
            handle = Handle(stream)
            self.opened.add(handle)
            while await stream.flush():
                await stream.wait()

    @property
    def unread(self) -> list[LiveStream]:
        return [handle.stream for handle in self.opened if handle.stream.is_unread]

    async def send_and_wait(self, received: list[bytes]) -> None:
        """Send a message to all streams, and wait for the client that reads."""
        before = received.count(MESSAGE)
        for handle in list(self.opened):
            handle.stream.offer((MESSAGE,), len(MESSAGE))
        await eventually(lambda: received.count(MESSAGE) == before + 1)


@dataclass(eq=False)
class Handle:
    """A stream, which itself has no weak references. It lives as long as its call."""

    stream: LiveStream


@pytest.fixture
async def watches(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watches]:
    monkeypatch.setattr(live_stream, "HEARTBEAT_SECONDS", 0.5)
    watches = Watches()
    handler: Any = grpc.unary_stream_rpc_method_handler(watches.watch)
    handlers = [grpc.method_handlers_generic_handler("test.Service", {"Watch": handler})]
    server = grpc.aio.server(handlers=handlers, options=OPTIONS)
    watches.port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield watches
    watches.streams.close()
    await server.stop(None)


@pytest.mark.parametrize("number", [1, 20], ids=["one that waits", "more than may wait"])
async def test_is_freed_but_counts_until_the_client_leaves(watches: Watches, number: int) -> None:
    async with open_channel(f"http://127.0.0.1:{watches.port}") as channel:
        received: list[bytes] = []
        reading = asyncio.create_task(read_into(received, channel))
        async with WindowlessConnection(watches.port) as connection:
            for _ in range(3):
                await connection.request(grpc_headers(PATH), framed(b""))
            await eventually(lambda: len(watches.streams) == 4)
            for _ in range(number):
                await watches.send_and_wait(received)
            await eventually(lambda: len(watches.unread) == 3)
            assert not any(stream._waiting for stream in watches.unread)
            assert len(watches.streams) == 4
        await eventually(lambda: len(watches.streams) == 1)
        gc.collect()
        assert len(watches.opened) == 1
        # The stream of the client that reads goes on.
        assert not reading.done()
        watches.streams.close()
        await reading
        assert received[-1] == b"SERVER_STOPPING"


async def test_does_not_delay_the_end_of_the_server(watches: Watches) -> None:
    async with WindowlessConnection(watches.port) as connection:
        await connection.request(grpc_headers(PATH), framed(b""))
        await eventually(lambda: len(watches.streams) == 1)
        for handle in watches.opened:
            handle.stream.offer((MESSAGE,), len(MESSAGE))
        await eventually(lambda: len(watches.unread) == 1)
        watches.streams.close()
        await eventually(lambda: len(watches.streams) == 0)


async def read_into(received: list[bytes], channel: grpc.aio.Channel) -> None:
    """Read a stream to its end."""
    call: Any = channel.unary_stream(PATH)
    async for message in call(b""):
        received.append(message)
