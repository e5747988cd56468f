"""Watchers of events: a connection each, as phones have, all read by one thread."""

import resource
import select
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from gymlocker.v2 import event_pb2

from benchmarks.live_feed.frames import HANDSHAKE, Incoming, call

# Streams that are opened at the same time.
OPENING = 50
OPEN_SECONDS = 900.0
POLL_SECONDS = 0.1
_RECEIVE_BYTES = 65_536
# First bytes of messages: the tag of the field that is set.
_EVENT, _CURSOR, _CAUGHT_UP, _HEARTBEAT = 0x0A, 0x2A, 0x32, 0x3A
# An event's own id is the second field: a tag, the length of a UUID, and the UUID.
_EVENT_ID, _UUID_LENGTH = b"\x12\x24", 36


class StreamLost(Exception):
    """A stream that ended, or whose connection did."""


class Watchers:
    """Open streams. `arrivals` has the times (time.time_ns) of each event by its id."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._poll = select.epoll()
        self._streams: dict[int, tuple[socket.socket, Incoming]] = {}
        self._caught_up = 0
        self._is_stopping = False
        self._error: Exception | None = None
        self.heartbeats = 0
        self.arrivals: dict[bytes, list[int]] = defaultdict(list)
        # One copy of each event as it was sent.
        self.events: dict[bytes, bytes] = {}

    def __len__(self) -> int:
        """Return the number of open streams."""
        return len(self._streams)

    def open(self, requests: Sequence[event_pb2.WatchEventsRequest]) -> None:
        """Open a stream for each request, and wait until all have caught up."""
        before, deadline = self._caught_up, time.monotonic() + OPEN_SECONDS
        for number, request in enumerate(requests, start=1):
            self._connect(request)
            while number - (self._caught_up - before) >= OPENING:
                self._wait(deadline)
        while self._caught_up - before < len(requests):
            self._wait(deadline)

    def run(self) -> None:
        """Read all streams until `stop`."""
        try:
            while not self._is_stopping:
                self._read()
        except Exception as error:
            self._error = error

    def check(self) -> None:
        """Raise the error that ended the reading, if one did."""
        if self._error:
            raise self._error

    def stop(self) -> None:
        """Let `run` return."""
        self._is_stopping = True

    def close(self) -> None:
        """Close all connections."""
        for connection, _ in self._streams.values():
            connection.close()
        self._streams.clear()
        self._poll.close()

    def _connect(self, request: event_pb2.WatchEventsRequest) -> None:
        connection = socket.create_connection(("127.0.0.1", self._port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(HANDSHAKE + call("EventService/WatchEvents", request))
        connection.setblocking(False)
        self._streams[connection.fileno()] = connection, Incoming()
        self._poll.register(connection, select.EPOLLIN)

    def _wait(self, deadline: float) -> None:
        if time.monotonic() > deadline:
            raise StreamLost("not all streams caught up in time")
        self._read()

    def _read(self) -> None:
        answer = bytearray()
        for descriptor, _ in self._poll.poll(POLL_SECONDS):
            connection, incoming = self._streams[descriptor]
            received = connection.recv(_RECEIVE_BYTES)
            arrived = time.time_ns()
            if not received:
                raise StreamLost("the server closed the connection")
            for message in incoming.messages(received, answer):
                self._take(message, arrived)
            if incoming.has_ended:
                raise StreamLost("the server ended a stream")
            if answer:
                connection.sendall(answer)
                answer.clear()

    def _take(self, message: bytes, arrived: int) -> None:
        kind = message[0]
        if kind == _EVENT:
            start = message.index(_EVENT_ID) + len(_EVENT_ID)
            event_id = message[start : start + _UUID_LENGTH]
            self.arrivals[event_id].append(arrived)
            self.events.setdefault(event_id, message)
        elif kind == _CAUGHT_UP:
            self._caught_up += 1
        elif kind == _HEARTBEAT:
            self.heartbeats += 1
        elif kind != _CURSOR:
            raise StreamLost(str(event_pb2.WatchEventsResponse.FromString(message)))


@contextmanager
def watching(port: int, requests: Sequence[event_pb2.WatchEventsRequest]) -> Iterator[Watchers]:
    """Keep a stream open for each request, and read them in a thread of its own."""
    _raise_limit_of_files()
    watchers = Watchers(port)
    thread = threading.Thread(target=watchers.run)
    try:
        watchers.open(requests)
        thread.start()
        yield watchers
        watchers.check()
    finally:
        watchers.stop()
        if thread.ident:
            thread.join()
        watchers.close()


def _raise_limit_of_files() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
