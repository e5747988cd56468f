"""Ben's phone: a copy of Ada's feed that WatchEvents keeps up to date.

A stream that breaks continues at the last cursor, or begins with nothing if there is none yet. What
comes is applied in order, so that the copy is exactly what is there, however often it broke.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Any, Protocol

import grpc
from grpc import aio
from gymlocker.v2 import event_pb2
from gymlocker.v2.event_pb2_grpc import EventServiceStub

from server.programs.demo.person import Friend, read_event
from server.programs.demo.transport import grpc_error

# The server sends a heartbeat every 15 seconds.
SILENCE_SECONDS = 40.0
FIRST_DELAY_SECONDS = 0.25
MAX_DELAY_SECONDS = 10.0
# Reasons of `ended` after which a client calls again.
TEMPORARY_ENDS = ("SERVER_STOPPING", "STREAM_EXPIRED", "SLOW_READER")
NOTHING_TO_WATCH = "NOTHING_TO_WATCH"
# Statuses that a repeated call would get as well.
FINAL_CODES = (
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.UNIMPLEMENTED,
)


class Observer(Protocol):
    """A view of the follower. What changed is in the copy already."""

    def connected(self, cursor: str) -> None:
        """Show the first message of a stream. `cursor` began the stream, if any."""

    def disconnected(self, reason: str) -> None:
        """Show that the stream broke."""

    def received(self, event_id: str, text: bytes) -> None:
        """Show an event, new or replaced, decrypted and verified."""

    def deleted(self, event_id: str) -> None:
        """Show a deletion."""

    def reset(self) -> None:
        """Show that the copy begins again."""


class Follower:
    """A copy of a friend's events: `events` contains the texts by event id.

    Each stream has a connection of its own from `connect`.
    """

    def __init__(
        self, connect: Callable[[], aio.Channel], friend: Friend, observer: Observer
    ) -> None:
        self._connect = connect
        self._friend = friend
        self._observer = observer
        self.events: dict[str, bytes] = {}
        self._cursor = ""
        self._failures = 0
        self._is_connected = False
        self._online = asyncio.Event()
        self._online.set()
        self._call: Any = None

    async def run(self) -> str:
        """Follow until the server ends the stream for good, and return its reason.

        Raise CallError if the server refuses the call, and Unreadable if an event does not decrypt.
        """
        while True:
            await self._online.wait()
            try:
                reason = await self._stream()
                if reason and reason not in TEMPORARY_ENDS:
                    return reason
            except aio.AioRpcError as error:
                if error.code() in FINAL_CODES:
                    raise grpc_error(error) from error
                reason = error.code().name
            except TimeoutError:
                reason = "no heartbeat"
            self._observer.disconnected(reason or "the connection was cut")
            await asyncio.sleep(self._next_delay())

    def go_offline(self) -> None:
        """Cut the connection, and stay without one until `go_online`."""
        self._online.clear()
        if self._call is not None:
            self._call.cancel()

    def go_online(self) -> None:
        """Connect again."""
        self._online.set()

    async def _stream(self) -> str:
        """Apply the messages of one stream. Return the reason of its end; "" if it was cut."""
        if self.events and not self._cursor:
            # Deletions are only sent after a cursor.
            self._begin_again()
        followed = event_pb2.FollowedUser(
            user_id=self._friend.user_id,
            follow_secret=self._friend.follow_secret,
            cursor=self._cursor,
        )
        reason, self._is_connected = "", False
        async with self._connect() as channel:
            request = event_pb2.WatchEventsRequest(users=[followed])
            self._call = EventServiceStub(channel).WatchEvents(request)
            try:
                while not reason:
                    async with asyncio.timeout(SILENCE_SECONDS):
                        message = await self._call.read()
                    if message is aio.EOF:
                        break
                    if not self._is_connected:
                        self._is_connected, self._failures = True, 0
                        self._observer.connected(followed.cursor)
                    reason = self._apply(message)
            except asyncio.CancelledError:
                # `go_offline` cancels the call. The task may be cancelled as well.
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
        return reason

    def _apply(self, message: event_pb2.WatchEventsResponse) -> str:
        """Apply a message; return the reason if it ends the stream."""
        match message.WhichOneof("message"):
            case "event":
                self._store(message.event)
            case "deleted":
                if self.events.pop(message.deleted.event_id, None) is not None:
                    self._observer.deleted(message.deleted.event_id)
            case "reset":
                self._begin_again()
            case "cursor":
                self._cursor = message.cursor.cursor
            case "ended":
                return message.ended.reason
        return ""

    def _begin_again(self) -> None:
        self.events.clear()
        self._cursor = ""
        self._observer.reset()

    def _store(self, event: event_pb2.UserEvent) -> None:
        text = read_event(event, self._friend)
        # An event comes again if the stream broke before its cursor.
        if self.events.get(event.event_id) != text:
            self.events[event.event_id] = text
            self._observer.received(event.event_id, text)

    def _next_delay(self) -> float:
        # With jitter: a restarted server must not get all its clients at once.
        delay: float = min(FIRST_DELAY_SECONDS * 2**self._failures, MAX_DELAY_SECONDS)
        self._failures += 1
        return delay * random.uniform(0.5, 1)
