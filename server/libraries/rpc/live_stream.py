"""A stream of changes to one client: messages that wait, heartbeats, and the end.

Messages are encoded, so that all streams share one copy. A client that reads too slowly loses its
stream; it continues at its position with a new one.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

Write: TypeAlias = Callable[[bytes], Awaitable[Any]]

HEARTBEAT_SECONDS = 15.0
# Shorter than Envoy's limit of one hour, so that the client learns the reason.
MAX_SECONDS = 3500.0
# Streams that began together, as after a restart, do not end together.
JITTER_SECONDS = 300.0
# Bytes that wait for one client. Without a limit, a client that does not read would keep them.
MAX_WAITING_BYTES = 1024 * 1024
# Bytes that a message occupies beside its content.
MESSAGE_BYTES = 64

SERVER_STOPPING = "SERVER_STOPPING"
STREAM_EXPIRED = "STREAM_EXPIRED"
SLOW_READER = "SLOW_READER"


class LiveStreams:
    """All streams of changes of a worker. `heartbeat` and `ended` encode their messages."""

    def __init__(self) -> None:
        self._open: set[LiveStream] = set()
        self._closing = asyncio.Event()

    def __len__(self) -> int:
        """Return the number of open streams."""
        return len(self._open)

    @asynccontextmanager
    async def opened(
        self, write: Write, *, heartbeat: bytes, ended: Callable[[str], bytes]
    ) -> AsyncIterator["LiveStream"]:
        """Open a stream for the current task, and close it at the end.

        The stream of a client that does not read ends at once, but not this context: gRPC keeps
        such a call until the client leaves, so it must count among those that are in flight.
        """
        stream = LiveStream(write, heartbeat, ended)
        self._open.add(stream)
        try:
            if self._closing.is_set():
                stream.end(SERVER_STOPPING)
            yield stream
        except asyncio.CancelledError:
            if not stream.is_unread:
                raise
            await self._closing.wait()
        finally:
            self._open.discard(stream)
            stream.close()

    def close(self) -> None:
        """End all streams, and those that are opened from now on."""
        self._closing.set()
        for stream in self._open:
            stream.end(SERVER_STOPPING)


class LiveStream:
    """The messages that wait for one client. Its methods belong to the task that opened it."""

    __slots__ = (
        "_ended",
        "_expires",
        "_heartbeat",
        "_is_due",
        "_is_writing",
        "_loop",
        "_reason",
        "_seen",
        "_size",
        "_task",
        "_timer",
        "_waiter",
        "_waiting",
        "_write",
        "_writes",
        "is_unread",
    )

    def __init__(self, write: Write, heartbeat: bytes, ended: Callable[[str], bytes]) -> None:
        self._write = write
        self._heartbeat = heartbeat
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._waiting: Sequence[bytes] = ()
        self._size = 0
        self._reason = ""
        self._is_due = False
        self._waiter: asyncio.Future[None] | None = None
        self._is_writing = False
        # Set when the task is cancelled because the client does not read.
        self.is_unread = False
        # The number of writes, now and at the last heartbeat.
        self._writes = 0
        self._seen = 0
        self._expires = self._loop.time() + MAX_SECONDS - random.uniform(0, JITTER_SECONDS)
        self._timer = self._loop.call_later(HEARTBEAT_SECONDS, self._tick)

    def offer(self, messages: Sequence[bytes], size: int) -> None:
        """Send messages after those that wait. `size` is the sum of theirs."""
        self._size += size + MESSAGE_BYTES * len(messages)
        if self._size > MAX_WAITING_BYTES:
            self.end(SLOW_READER)
        elif not self._reason:
            # Most often nothing waits, and the sequence is shared as well.
            self._waiting = messages if not self._waiting else [*self._waiting, *messages]
            self.wake()

    def end(self, reason: str) -> None:
        """End the stream after the message in progress; what waits is dropped."""
        self._reason = self._reason or reason
        self._waiting = ()
        self.wake()

    def wake(self) -> None:
        """Let `wait` return."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def wait(self) -> None:
        """Wait until there is something to send or `wake` is called."""
        if self._waiting or self._is_due or self._reason:
            return
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    async def flush(self) -> bool:
        """Send what waits. Return False if that was the last message."""
        while self._waiting and not self._reason:
            messages, self._waiting, self._size = self._waiting, (), 0
            for message in messages:
                # An end drops the rest.
                if self._reason:
                    break
                await self.send(message)
        if self._is_due and not self._reason:
            self._is_due = False
            await self.send(self._heartbeat)
        if self._reason:
            await self.send(self._ended(self._reason))
            return False
        return True

    async def send(self, message: bytes) -> None:
        """Send a message now, and wait until gRPC has taken it."""
        self._writes += 1
        self._is_writing = True
        await self._write(message)
        self._is_writing = False

    def close(self) -> None:
        """Stop the heartbeats."""
        self._timer.cancel()

    def _tick(self) -> None:
        if self._is_writing and self._writes == self._seen and self._task is not None:
            # The same write as a heartbeat ago: the client does not read, so it cannot be told.
            self.is_unread = True
            self._waiting = ()
            self._task.cancel()
            return
        self._seen = self._writes
        if self._loop.time() > self._expires:
            self.end(STREAM_EXPIRED)
        else:
            self._is_due = True
            self.wake()
        self._timer = self._loop.call_later(HEARTBEAT_SECONDS, self._tick)
