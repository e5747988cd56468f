"""Hints that data of a user may have changed, between the workers on one database.

A hint is never the truth: it may be lost, and the reader then finds the change at its next read.
"""

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn
from uuid import UUID

import structlog

from server.libraries.common.rate_limited_log import RateLimitedLog
from server.libraries.hints.hint import Hint, Topic, decoded, encoded
from server.libraries.hints.transport import HintTransport

# Shortest pause between two batches: a hint waits for no longer, and a busy worker sends few.
BATCH_SECONDS = 0.02
# Pause after a batch that could not be sent.
RETRY_SECONDS = 0.5
# Hints of one batch. Those beyond are dropped.
MAX_PENDING = 100_000
# Timeout for the last batch.
CLOSE_SECONDS = 2.0
# Shortest time between two calls of those who look again after missed hints.
MISSED_SECONDS = 1.0
# The process that sends a message.
ORIGIN_BYTES = 8

_log = structlog.get_logger("hints")
_limited = RateLimitedLog(_log)


class Hints:
    """Publishes hints to this worker and to others, and receives those of others.

    A message starts with the origin, random bytes of this process. Without any hints, it says that
    some were dropped.
    """

    def __init__(self, transport: HintTransport) -> None:
        self._transport = transport
        self._origin = secrets.token_bytes(ORIGIN_BYTES)
        self._subscribers: list[Callable[[Hint], None]] = []
        self._on_missed: list[Callable[[], None]] = []
        # Dictionaries are sets that keep their order.
        self._local: dict[Hint, None] = {}
        self._pending: dict[Hint, None] = {}
        self._wake = asyncio.Event()
        # Hints were dropped, which the others do not know yet.
        self._must_tell = False
        self._reported_missed = float("-inf")
        self._reporting: asyncio.TimerHandle | None = None
        self.is_live = False
        self.sent_batches = 0
        self.received = 0
        self.dropped = 0

    def publish(self, topic: Topic, user_id: UUID) -> None:
        """Publish a hint; call it after the commit. Never blocks and never raises.

        Subscribers of this worker get it in the next turn of the event loop, those of others by the
        next batch.
        """
        hint = Hint(topic, user_id)
        if self._subscribers:
            if not self._local:
                asyncio.get_running_loop().call_soon(self._deliver_local)
            self._local[hint] = None
        if len(self._pending) < MAX_PENDING:
            self._pending[hint] = None
        elif hint not in self._pending:
            self._drop(1, "too many are pending")
        self._wake.set()

    def subscribe(self, receive: Callable[[Hint], None]) -> None:
        """Call `receive` with each hint, of this worker and of others."""
        self._subscribers.append(receive)

    def on_missed(self, callback: Callable[[], None]) -> None:
        """Call `callback` when hints may have been missed, at most once in MISSED_SECONDS."""
        self._on_missed.append(callback)

    def background(self) -> list[Callable[[], Coroutine[Any, Any, None]]]:
        """Return the jobs that send and receive."""
        return [self._listen, self._send]

    async def close(self) -> None:
        """Send what is pending, for at most CLOSE_SECONDS."""
        if self._reporting:
            self._reporting.cancel()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._send_pending()
        except TimeoutError:
            self._drop(len(self._pending), "TimeoutError")

    async def _listen(self) -> None:
        await self._transport.listen(self._receive, self._connected)

    async def _send(self) -> NoReturn:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._send_pending()
            await asyncio.sleep(RETRY_SECONDS if self._must_tell else BATCH_SECONDS)

    async def _send_pending(self) -> None:
        """Send all pending hints; drop them if that fails, for a reader looks again anyway."""
        batch, self._pending = self._pending, {}
        must_tell, self._must_tell = self._must_tell, False
        try:
            if must_tell:
                await self._transport.send(self._origin)
            for data in encoded(batch, self._transport.max_bytes - ORIGIN_BYTES):
                await self._transport.send(self._origin + data)
                self.sent_batches += 1
        except asyncio.CancelledError:
            self._pending, self._must_tell = batch | self._pending, must_tell
            raise
        # Any error: the callers have committed and cannot do anything about it.
        except Exception as error:
            self._drop(len(batch), type(error).__name__)
            self._wake.set()

    def _drop(self, count: int, reason: str) -> None:
        self._must_tell = True
        self.dropped += count
        _limited.warning("hints_dropped", count=count, reason=reason)

    def _receive(self, data: bytes) -> None:
        origin, body = data[:ORIGIN_BYTES], data[ORIGIN_BYTES:]
        if origin == self._origin:
            return
        if len(data) == ORIGIN_BYTES:
            self._report_missed()
        for hint in decoded(body if len(origin) == ORIGIN_BYTES else data):
            self.received += 1
            self._deliver(hint)

    def _connected(self, is_live: bool) -> None:
        self.is_live = is_live
        if is_live:
            self._report_missed()

    def _deliver_local(self) -> None:
        hints, self._local = self._local, {}
        for hint in hints:
            self._deliver(hint)

    def _deliver(self, hint: Hint) -> None:
        for receive in self._subscribers:
            try:
                receive(hint)
            except Exception as error:
                _log.error("unhandled_exception", error=type(error).__name__)

    def _report_missed(self) -> None:
        """Call those who look again, now or when they may be called again."""
        if self._reporting is None:
            loop = asyncio.get_running_loop()
            at = max(loop.time(), self._reported_missed + MISSED_SECONDS)
            self._reporting = loop.call_at(at, self._call_missed)

    def _call_missed(self) -> None:
        self._reporting = None
        self._reported_missed = asyncio.get_running_loop().time()
        for callback in self._on_missed:
            try:
                callback()
            except Exception as error:
                _log.error("unhandled_exception", error=type(error).__name__)
