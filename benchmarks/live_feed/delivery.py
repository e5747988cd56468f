"""Delivery: the time from a commit until an event has arrived at each of 1,000 watchers.

The time of an event is the database's, taken within the writer's transaction: earlier than the
commit, so the delays are upper limits. Watchers, writers, two workers, Envoy and PostgreSQL share
the cores.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple
from uuid import uuid4

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from gymlocker.v2 import event_pb2

from benchmarks.live_feed.stage import Stage
from benchmarks.live_feed.watchers import Watchers, watching
from benchmarks.seed import EVENT_BYTES, IV_BYTES, PASSWORD, FeedSubscription

WATCHERS = 1_000
WRITERS = 50
EVENTS_PER_SECOND = 10
ROUND_SECONDS = 20.0
# Time for the last events to arrive.
ARRIVAL_SECONDS = 60.0


class Delays(NamedTuple):
    """Delays in milliseconds: of all arrivals, and of the last arrival of each event."""

    median: float
    tail: float
    last: float


def to_one_audience(stage: Stage, *, rounds: int) -> Delays:
    """Return the delays with all watchers following one user, who publishes once a second."""
    user = stage.seeded.followed[0]
    followers = stage.shared(user, WATCHERS)
    return _measure(stage, followers, [user], rounds=rounds, rate=1)


def to_many_audiences(stage: Stage, *, rounds: int) -> Delays:
    """Return the delays with 20 watchers for each of 50 users, who publish in turns."""
    users = stage.seeded.followed[1 : WRITERS + 1]
    followers = [each for user in users for each in stage.shared(user, WATCHERS // WRITERS)]
    return _measure(stage, followers, users, rounds=rounds, rate=EVENTS_PER_SECOND)


@contextmanager
def publishing(address: str) -> Iterator[Callable[[FeedSubscription], bytes]]:
    """Yield a function that publishes an event of a user, and returns the event's id."""
    with grpc.insecure_channel(address) as channel:
        put_event: grpc.UnaryUnaryMultiCallable[Any, Any] = channel.unary_unary(
            "/gymlocker.v2.EventService/PutEvent",
            request_serializer=event_pb2.PutEventRequest.SerializeToString,
        )

        def publish(user: FeedSubscription) -> bytes:
            event_id = str(uuid4())
            request = event_pb2.PutEventRequest(
                user_id=user.id,
                password=PASSWORD,
                event_id=event_id,
                encrypted_event_payload=bytes(EVENT_BYTES),
                encrypted_event_iv=bytes(IV_BYTES),
                expiry=Timestamp(seconds=int(time.time()) + 86_400),
            )
            put_event(request, timeout=60)
            return event_id.encode()

        yield publish


def remember_passwords(stage: Stage, users: Sequence[FeedSubscription]) -> None:
    """Publish once on each worker, which then does not hash the passwords during a measurement."""
    for socket in stage.sockets:
        with publishing(socket) as publish:
            for user in users:
                publish(user)


def at_rate(rate: float, number: int, act: Callable[[int], None]) -> None:
    """Call `act` so many times at a fixed rate."""
    began = time.monotonic()
    for each in range(number):
        time.sleep(max(0.0, began + each / rate - time.monotonic()))
        act(each)


def _measure(
    stage: Stage,
    followers: Sequence[FeedSubscription],
    writers: Sequence[FeedSubscription],
    *,
    rounds: int,
    rate: float,
) -> Delays:
    """Return the medians of the rounds' figures."""
    remember_passwords(stage, writers)
    with (
        watching(stage.port, [stage.request([each]) for each in followers]) as watchers,
        publishing(f"127.0.0.1:{stage.port}") as publish,
    ):
        found = []
        for _ in range(rounds):
            published: list[bytes] = []

            def act(number: int, published: list[bytes] = published) -> None:
                published.append(publish(writers[number % len(writers)]))

            at_rate(rate, round(ROUND_SECONDS * rate), act)
            _wait_for(watchers, published, len(followers) // len(writers))
            found.append(_summary([_delays_of(watchers, event_id) for event_id in published]))
    return Delays(*(statistics.median(figures) for figures in zip(*found, strict=True)))


def _wait_for(watchers: Watchers, event_ids: Sequence[bytes], audience: int) -> None:
    deadline = time.monotonic() + ARRIVAL_SECONDS
    while any(len(watchers.arrivals[each]) < audience for each in event_ids):
        watchers.check()
        if time.monotonic() > deadline:
            raise TimeoutError("events did not arrive at all watchers")
        time.sleep(0.1)


def _delays_of(watchers: Watchers, event_id: bytes) -> list[float]:
    message = event_pb2.WatchEventsResponse.FromString(watchers.events[event_id])
    committed = message.event.timestamp.ToNanoseconds()
    return [(arrived - committed) / 1e6 for arrived in watchers.arrivals[event_id]]


def _summary(by_event: Sequence[Sequence[float]]) -> Delays:
    delays = [delay for of_event in by_event for delay in of_event]
    return Delays(
        median=statistics.median(delays),
        tail=statistics.quantiles(delays, n=100)[-1],
        last=statistics.median(max(of_event) for of_event in by_event),
    )
