"""LiveStream: order, heartbeats, slow readers, and the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from server.libraries.rpc.live_stream import (
    HEARTBEAT_SECONDS,
    JITTER_SECONDS,
    MAX_SECONDS,
    MAX_WAITING_BYTES,
    MESSAGE_BYTES,
    SERVER_STOPPING,
    SLOW_READER,
    STREAM_EXPIRED,
    LiveStream,
    LiveStreams,
)
from tests.libraries.rpc.live_streams import Reader, SteppedLoop, settled, stepped_loop

HEARTBEAT = b"heartbeat"


def ended(reason: str) -> bytes:
    return f"ended {reason}".encode()


async def serve(streams: LiveStreams, reader: Reader, opened: list[LiveStream]) -> None:
    """Serve a stream as a handler does, until its end."""
    async with streams.opened(reader.write, heartbeat=HEARTBEAT, ended=ended) as stream:
        opened.append(stream)
        while await stream.flush():
            await stream.wait()


class Served:
    """A stream, the task of its handler, and its client."""

    def __init__(self, streams: LiveStreams) -> None:
        self.reader = Reader()
        self._opened: list[LiveStream] = []
        self.task = asyncio.create_task(serve(streams, self.reader, self._opened))

    @property
    def stream(self) -> LiveStream:
        return self._opened[0]

    def offer(self, *messages: bytes) -> None:
        self.stream.offer(messages, sum(map(len, messages)))


@pytest.fixture
async def loop(monkeypatch: pytest.MonkeyPatch) -> SteppedLoop:
    return stepped_loop(monkeypatch)


@pytest.fixture
async def streams(loop: SteppedLoop) -> LiveStreams:
    return LiveStreams()


@pytest.fixture
async def served(streams: LiveStreams) -> AsyncIterator[Served]:
    served = Served(streams)
    await settled()
    yield served
    served.task.cancel()
    await asyncio.wait([served.task])


@asynccontextmanager
async def unattended(loop: SteppedLoop) -> AsyncIterator[LiveStream]:
    """Open a stream that the test flushes by itself."""
    async with LiveStreams().opened(Reader().write, heartbeat=HEARTBEAT, ended=ended) as stream:
        yield stream


class TestOffer:
    async def test_sends_messages_in_order(self, served: Served) -> None:
        served.offer(b"1", b"2")
        served.offer(b"3")
        await settled()
        served.offer(b"4")
        await settled()
        assert served.reader.messages == [b"1", b"2", b"3", b"4"]

    async def test_sends_what_came_during_a_write(self, served: Served) -> None:
        served.reader.stop()
        served.offer(b"1")
        await settled()
        served.offer(b"2")
        served.reader.read()
        await settled()
        assert served.reader.messages == [b"1", b"2"]

    async def test_shares_the_messages_of_all_streams(self, loop: SteppedLoop) -> None:
        messages = (b"1", b"2")
        async with unattended(loop) as first, unattended(loop) as second:
            for stream in (first, second):
                stream.offer(messages, 2)
                assert stream._waiting is messages
            # What waited before is not changed for the others.
            first.offer((b"3",), 1)
            assert second._waiting is messages
            assert messages == (b"1", b"2")

    async def test_ends_a_stream_with_too_many_bytes(self, served: Served) -> None:
        served.reader.stop()
        served.offer(b"1")
        await settled()
        half = bytes(MAX_WAITING_BYTES // 2 - MESSAGE_BYTES)
        served.offer(half)
        served.offer(half)
        assert served.stream._waiting
        served.offer(b"")
        assert not served.stream._waiting
        served.reader.read()
        await served.task
        # The message in progress, and the reason.
        assert served.reader.messages == [b"1", ended(SLOW_READER)]

    async def test_counts_only_what_waits(self, served: Served) -> None:
        for _ in range(4):
            served.offer(bytes(MAX_WAITING_BYTES // 2))
            await settled()
        assert len(served.reader.messages) == 4


class TestEnd:
    async def test_drops_what_waits_and_is_the_last_message(self, served: Served) -> None:
        served.offer(b"1", b"2")
        served.stream.end("A")
        served.offer(b"3")
        await served.task
        assert served.reader.messages == [ended("A")]

    async def test_drops_the_rest_of_what_is_being_sent(self, served: Served) -> None:
        served.reader.stop()
        served.offer(b"1", b"2")
        await settled()
        served.stream.end("A")
        served.reader.read()
        await served.task
        assert served.reader.messages == [b"1", ended("A")]

    async def test_keeps_the_first_reason(self, served: Served) -> None:
        served.stream.end("A")
        served.stream.end("B")
        await served.task
        assert served.reader.messages == [ended("A")]

    async def test_comes_before_an_hour(self, loop: SteppedLoop, served: Served) -> None:
        await loop.advance(MAX_SECONDS - JITTER_SECONDS - HEARTBEAT_SECONDS)
        assert not served.task.done()
        await loop.advance(JITTER_SECONDS + 2 * HEARTBEAT_SECONDS)
        assert served.reader.messages[-1] == ended(STREAM_EXPIRED)
        assert loop.time() < 3600


class TestHeartbeat:
    async def test_is_sent_every_15_seconds(self, loop: SteppedLoop, served: Served) -> None:
        await loop.advance(14.9)
        assert served.reader.messages == []
        await loop.advance(0.1)
        assert served.reader.messages == [HEARTBEAT]
        await loop.advance(45)
        assert served.reader.messages == [HEARTBEAT] * 4

    async def test_is_sent_to_a_busy_stream(self, loop: SteppedLoop, served: Served) -> None:
        for number in range(40):
            served.offer(bytes([number]))
            await settled()
            await loop.advance(1)
        assert served.reader.messages.count(HEARTBEAT) == 2
        assert len(served.reader.messages) == 42

    async def test_gives_up_a_stream_whose_write_has_stood_still(
        self, loop: SteppedLoop, served: Served
    ) -> None:
        served.reader.stop()
        served.offer(b"1")
        await settled()
        await loop.advance(HEARTBEAT_SECONDS)
        assert not served.stream.is_unread
        await loop.advance(HEARTBEAT_SECONDS)
        assert served.stream.is_unread
        assert loop.waiting() == []

    async def test_does_not_give_up_a_slow_stream(self, loop: SteppedLoop, served: Served) -> None:
        served.reader.stop()
        served.offer(*[bytes([number]) for number in range(20)])
        for _ in range(10):
            await loop.advance(HEARTBEAT_SECONDS)
            served.reader.read(1)
            await settled()
        assert not served.task.done()
        assert len(served.reader.messages) == 10

    async def test_gives_up_an_ended_stream_that_is_not_read(
        self, loop: SteppedLoop, served: Served
    ) -> None:
        served.reader.stop()
        served.stream.end("A")
        await settled()
        await loop.advance(2 * HEARTBEAT_SECONDS)
        assert served.stream.is_unread


class TestLiveStreams:
    async def test_close_ends_all_and_those_opened_later(self, streams: LiveStreams) -> None:
        before = [Served(streams) for _ in range(3)]
        await settled()
        assert len(streams) == 3
        streams.close()
        after = Served(streams)
        await asyncio.gather(after.task, *(one.task for one in before))
        for one in (*before, after):
            assert one.reader.messages == [ended(SERVER_STOPPING)]
        assert len(streams) == 0

    async def test_closed_stream_leaves_no_timer(
        self, loop: SteppedLoop, streams: LiveStreams, served: Served
    ) -> None:
        served.task.cancel()
        await asyncio.wait([served.task])
        assert (len(streams), loop.waiting()) == (0, [])
