"""Followers that poll GetEvents as the app does: a connection each, which stays open."""

import http.client
import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Protocol

from google.protobuf.json_format import MessageToDict
from gymlocker.v2 import event_pb2

from benchmarks.live_feed.frames import HANDSHAKE, Incoming, call

TIMEOUT = 60.0


class PollError(Exception):
    """A poll without the expected response."""


class Poller(Protocol):
    """A follower with a connection."""

    def poll(self) -> int:
        """Poll, and return the number of events."""

    def close(self) -> None:
        """Close the connection."""


class RestPoller:
    """A follower that polls over REST."""

    def __init__(self, port: int, request: event_pb2.GetEventsRequest) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
        self._body = json.dumps(MessageToDict(request))

    def poll(self) -> int:
        """Poll, and return the number of events."""
        headers = {"Content-Type": "application/json"}
        self._connection.request("POST", "/events", self._body, headers)
        response = self._connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise PollError(content.decode())
        return len(json.loads(content)["events"])

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class GrpcPoller:
    """A follower that polls over gRPC."""

    def __init__(self, port: int, request: event_pb2.GetEventsRequest) -> None:
        self._connection = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
        self._connection.sendall(HANDSHAKE)
        self._request = request
        self._incoming = Incoming()
        self._stream = -1

    def poll(self) -> int:
        """Poll, and return the number of events."""
        self._stream += 2
        answer = bytearray()
        messages: list[bytes] = []
        self._incoming.has_ended = False
        self._connection.sendall(call("EventService/GetEvents", self._request, stream=self._stream))
        while not self._incoming.has_ended:
            received = self._connection.recv(65_536)
            if not received:
                break
            messages += self._incoming.messages(received, answer)
            self._connection.sendall(answer)
            answer.clear()
        if len(messages) != 1:
            raise PollError(f"{len(messages)} messages")
        return len(event_pb2.GetEventsResponse.FromString(messages[0]).events)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@contextmanager
def polling(
    kind: type[RestPoller] | type[GrpcPoller],
    port: int,
    requests: Sequence[event_pb2.GetEventsRequest],
) -> Iterator[list[Poller]]:
    """Keep a connection open for each request."""
    with ExitStack() as stack:
        pollers: list[Poller] = []
        for request in requests:
            pollers.append(kind(port, request))
            stack.callback(pollers[-1].close)
        yield pollers
