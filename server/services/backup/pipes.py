"""Pipes between the event loop and a thread, of bounded size.

The library for encryption reads and writes files. It runs in a thread, and takes the ends of these
pipes for files.
"""

import asyncio
from queue import SimpleQueue
from threading import Semaphore

# A chunk has at most 4 MiB in an upload (a gRPC message), and CHUNK_BYTES in a download.
MAX_CHUNKS = 1
CHUNK_BYTES = 256 * 1024


class PipeClosed(Exception):
    """The other end has given up."""


class Inlet:
    """A pipe that the event loop writes and a thread reads."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        # None is the end, PipeClosed an early one.
        self._chunks: SimpleQueue[bytes | PipeClosed | None] = SimpleQueue()
        self._room = asyncio.Semaphore(MAX_CHUNKS)
        self._rest = memoryview(b"")
        self._has_ended = False
        self._is_closed = False

    def is_closed(self) -> bool:
        """Check whether the writer has given up."""
        return self._is_closed

    async def write(self, data: bytes) -> None:
        """Write a chunk when there is room."""
        await self._room.acquire()
        self._chunks.put(data)

    def finish(self) -> None:
        """Mark the end."""
        self._chunks.put(None)

    def abort(self) -> None:
        """Let the reader fail. Without effect after `finish`."""
        self._is_closed = True
        self._chunks.put(PipeClosed())

    def wake(self) -> None:
        """Let the writer go on, after the thread has ended."""
        self._room.release()

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes, in the thread. Raises PipeClosed after `abort`."""
        while not self._rest and not self._has_ended:
            chunk = self._chunks.get()
            if isinstance(chunk, PipeClosed):
                raise chunk
            self._has_ended = chunk is None
            self._rest = memoryview(chunk or b"")
            self._loop.call_soon_threadsafe(self._room.release)
        data = bytes(self._rest[:size]) if size >= 0 else bytes(self._rest)
        self._rest = self._rest[len(data) :]
        return data


class Outlet:
    """A pipe that a thread writes and the event loop reads, in chunks of CHUNK_BYTES.

    The last chunk is held back until `finish`, so a reader can be denied it.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._room = Semaphore(MAX_CHUNKS)
        self._buffer = bytearray()
        self._is_closed = False

    def is_closed(self) -> bool:
        """Check whether the reader has given up."""
        return self._is_closed

    def write(self, data: bytes, /) -> int:
        """Write in the thread. Raises PipeClosed after `close`."""
        self._buffer += data
        while len(self._buffer) > CHUNK_BYTES:
            self._send(bytes(self._buffer[:CHUNK_BYTES]))
            del self._buffer[:CHUNK_BYTES]
        return len(data)

    def flush(self) -> None:
        """Do nothing: chunks have their size."""

    def finish(self) -> None:
        """Write the last chunk, in the thread."""
        self._send(bytes(self._buffer))

    def end(self) -> None:
        """Mark the end, in the event loop."""
        self._chunks.put_nowait(None)

    async def read(self) -> bytes | None:
        """Return the next chunk; None at the end."""
        chunk = await self._chunks.get()
        self._room.release()
        return chunk

    def close(self) -> None:
        """Let the writer fail."""
        self._is_closed = True
        self._room.release()

    def _send(self, chunk: bytes) -> None:
        self._room.acquire()
        if self._is_closed:
            raise PipeClosed
        self._loop.call_soon_threadsafe(self._chunks.put_nowait, chunk)
