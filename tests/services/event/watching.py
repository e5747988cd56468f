"""A reader of WatchEvents that keeps a copy of what it was sent."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from grpc import aio
from gymlocker.v2 import event_pb2, event_pb2_grpc

from tests.services.event.follower import Follower

Stub: TypeAlias = event_pb2_grpc.EventServiceStub


class WatchedFeed(Follower):
    """A follower by a stream. `messages` are the names of all but heartbeats."""

    def start(self, stub: Stub) -> None:
        """Open a stream at the cursors. Users without a cursor begin without events."""
        self.events = {key: value for key, value in self.events.items() if key[0] in self.cursors}
        self.messages: list[str] = []
        self.invalid: list[tuple[str, str]] = []
        self.ended = ""
        request = event_pb2.WatchEventsRequest(users=self.entries())
        self.call: Any = stub.WatchEvents(request)

    def entries(self) -> Sequence[event_pb2.FollowedUser]:
        """Return the followed users, each with its cursor."""
        return [
            event_pb2.FollowedUser(
                user_id=user, follow_secret=secret, cursor=self.cursors.get(user, "")
            )
            for user, secret in self.secrets.items()
        ]

    async def read(self, *, until: str) -> event_pb2.WatchEventsResponse:
        """Read until the next message with this name, and return it."""
        while True:
            message = await self.call.read()
            assert isinstance(message, event_pb2.WatchEventsResponse), await self.call.code()
            name = str(message.WhichOneof("message"))
            if name != "heartbeat":
                self.messages.append(name)
            self._apply(message)
            if name == until:
                return message

    async def read_cursors(self, number: int) -> None:
        """Read until `number` cursors have come."""
        for _ in range(number):
            await self.read(until="cursor")

    async def read_to_end(self) -> str:
        """Read the rest, and return the reason of the end."""
        await self.read(until="ended")
        assert await self.call.read() is aio.EOF
        return self.ended

    def _apply(self, message: event_pb2.WatchEventsResponse) -> None:
        match message.WhichOneof("message"):
            case "event":
                event = message.event
                self.events[event.user_id, event.event_id] = event.encrypted_event_payload
            case "deleted":
                self.events.pop((message.deleted.user_id, message.deleted.event_id), None)
            case "reset":
                self.resets += 1
                user = message.reset.user_id
                self.cursors.pop(user, None)
                self.events = {key: value for key, value in self.events.items() if key[0] != user}
            case "cursor":
                self.cursors[message.cursor.user_id] = message.cursor.cursor
            case "invalid_follow_secret":
                one = message.invalid_follow_secret
                self.invalid.append((one.user_id, one.follow_secret))
            case "ended":
                self.ended = message.ended.reason


@asynccontextmanager
async def watching(stub: Stub, feed: WatchedFeed) -> AsyncIterator[WatchedFeed]:
    """Open a stream, read the backlog, and cancel the stream at the end."""
    feed.start(stub)
    try:
        async with asyncio.timeout(30):
            await feed.read(until="caught_up")
        yield feed
    finally:
        feed.call.cancel()
