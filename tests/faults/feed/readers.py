"""Readers that must end with exactly what is there, and one that does not."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from grpc import aio
from gymlocker.v2 import event_pb2

from server.programs.demo.transport import CallError
from tests.services.event.follower import Follower
from tests.services.event.watching import Stub, WatchedFeed
from tests.support.client import Client, follow

MAX_PAUSE_SECONDS = 0.3
# Heartbeats come every 15 seconds: without one, a client takes its stream for broken.
MAX_SILENCE_SECONDS = 20.0


@dataclass
class Watcher(WatchedFeed):
    """A reader of a stream, which it opens again at its cursors whenever it ends.

    It also cuts the stream by itself after some messages, at most `max_messages`; 0 is never.
    """

    stub: Stub | None = None
    max_messages: int = 0
    streams: int = 0
    refused: set[tuple[str, str]] = field(default_factory=set)
    ends: Counter[str] = field(default_factory=Counter)
    is_caught_up: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Watch, forever."""
        assert self.stub is not None
        while True:
            self.streams += 1
            self.start(self.stub)
            try:
                self.ends[await self._read_some()] += 1
            except aio.AioRpcError as error:
                self.ends[error.code().name] += 1
            finally:
                self.call.cancel()
            self.refused.update(self.invalid)
            await asyncio.sleep(random.uniform(0, MAX_PAUSE_SECONDS))

    async def _read_some(self) -> str:
        remaining = random.randrange(self.max_messages) if self.max_messages else -1
        messages = aiter(self.call)
        while True:
            try:
                async with asyncio.timeout(MAX_SILENCE_SECONDS):
                    message = await anext(messages)
            except StopAsyncIteration:
                return self.ended or "no reason"
            except TimeoutError:
                return "silence"
            self._apply(message)
            if message.WhichOneof("message") == "caught_up":
                self.is_caught_up.set()
            remaining -= 1
            if remaining == 0:
                return "cut"


@dataclass
class Poller(Follower):
    """A reader by GetEvents and its cursors."""

    client: Client | None = None
    polls: int = 0
    ends: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        """Poll, forever."""
        assert self.client is not None
        while True:
            try:
                await self.poll(self.client)
                self.polls += 1
            except CallError as error:
                self.ends[error.code.name] += 1
            await asyncio.sleep(random.uniform(0, MAX_PAUSE_SECONDS))

    async def read_all(self) -> None:
        """Poll until there is nothing new."""
        assert self.client is not None
        while (response := await self.poll(self.client)).events or response.deleted:
            pass


@dataclass
class ClockPoller(Poller):
    """The control: a reader of what is newer than the moment of its last read."""

    since: datetime = datetime(1, 1, 1, tzinfo=UTC)

    async def poll(self, client: Client) -> event_pb2.GetEventsResponse:
        """Read what is new by the clock."""
        since, now = Timestamp(), datetime.now(UTC)
        since.FromDatetime(self.since)
        entries = [follow(user, secret, since) for user, secret in self.secrets.items()]
        response = await client.feed(*entries)
        response.ClearField("cursors")
        self.apply(response)
        self.since = now
        return response
