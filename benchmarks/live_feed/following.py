"""The cost of a follower: CPU time of the server while followers poll, and while they watch.

All followers poll once a minute, evenly spread, as often as the app does; or they have a stream
each. What the server uses without followers is subtracted. Events are rare, so an event is measured
for itself: what it adds to a poll, and what its delivery to one watcher takes.
"""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from google.protobuf.timestamp_pb2 import Timestamp
from gymlocker.v2 import event_pb2

from benchmarks.cpu import LOAD
from benchmarks.live_feed.delivery import at_rate, publishing, remember_passwords
from benchmarks.live_feed.pollers import GrpcPoller, PollError, RestPoller, polling
from benchmarks.live_feed.stage import Stage
from benchmarks.live_feed.watchers import watching

FOLLOWERS, FOLLOWED = 1_000, 5
SECONDS = 60.0
SETTLE_SECONDS = 5.0
POLLS_PER_HOUR = 60
# Of five people who train twice a day.
EVENTS_PER_HOUR = FOLLOWED * 2 / 24
# A stream lasts for nearly an hour.
STREAMS_PER_HOUR = 1.1
EVENTS, EVENTS_PER_SECOND = 100, 10
POLLERS: dict[str, type[RestPoller] | type[GrpcPoller]] = {"REST": RestPoller, "gRPC": GrpcPoller}


@dataclass(frozen=True)
class Costs:
    """CPU milliseconds: of each poll by protocol, of a stream for an hour, and of their parts."""

    polls: dict[str, float]
    news: dict[str, float]
    stream_hour: float
    opening: float
    delivery: float

    def polling(self, protocol: str) -> float:
        """Return the milliseconds of a follower who polls for an hour."""
        return POLLS_PER_HOUR * self.polls[protocol] + EVENTS_PER_HOUR * self.news[protocol]

    @property
    def watching(self) -> float:
        """The milliseconds of a follower who watches for an hour."""
        events = EVENTS_PER_HOUR * self.delivery
        return self.stream_hour + STREAMS_PER_HOUR * self.opening + events


def measure(stage: Stage, *, rounds: int) -> Costs:
    """Return medians of so many rounds."""
    remember_passwords(stage, stage.seeded.followed[:EVENTS])
    found = [_Round(stage).measure() for _ in range(rounds)]
    return Costs(
        polls={name: median(one.polls[name] for one in found) for name in POLLERS},
        news={name: median(one.news[name] for one in found) for name in POLLERS},
        stream_hour=median(one.stream_hour for one in found),
        opening=median(one.opening for one in found),
        delivery=median(one.delivery for one in found),
    )


class _Round:
    """One measurement of all parts, within a few minutes."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._meter = stage.meter()
        users = itertools.cycle(stage.seeded.followed)
        now = Timestamp()
        now.GetCurrentTime()
        self._followed = [
            [
                event_pb2.FollowedUser(user_id=each.id, follow_secret=each.secret, since=now)
                for each in itertools.islice(users, FOLLOWED)
            ]
            for _ in range(FOLLOWERS)
        ]

    def measure(self) -> Costs:
        idle = self._used(lambda: time.sleep(SECONDS)) / SECONDS
        polls, news = {}, {}
        for name in POLLERS:
            polls[name] = self._poll(name, idle, has_news=False)
            news[name] = self._poll(name, idle, has_news=True) - polls[name]
        alone = self._publish()
        watches = [event_pb2.WatchEventsRequest(users=each) for each in self._followed]
        before = self._read()
        with watching(self._stage.port, watches):
            time.sleep(SETTLE_SECONDS)
            opening = self._read() - before
            used = self._used(lambda: time.sleep(SECONDS)) - idle * SECONDS
            deliveries = EVENTS * FOLLOWERS * FOLLOWED / len(self._stage.seeded.followed)
            delivery = (self._publish() - alone) / deliveries
        return Costs(
            polls=polls,
            news=news,
            stream_hour=used / SECONDS * 3600 / FOLLOWERS,
            opening=opening / FOLLOWERS,
            delivery=delivery,
        )

    def _poll(self, name: str, idle: float, *, has_news: bool) -> float:
        """Return the milliseconds of one poll, of all followers within a minute."""
        requests = [event_pb2.GetEventsRequest(users=each) for each in self._followed]
        if has_news:
            for request in requests:
                request.users[0].ClearField("since")
        with polling(POLLERS[name], self._stage.port, requests) as pollers:

            def poll(number: int) -> None:
                if pollers[number].poll() < has_news:
                    raise PollError("an event is missing")

            # The first poll of each connects.
            at_rate(FOLLOWERS, FOLLOWERS, poll)
            used = self._used(lambda: at_rate(FOLLOWERS / SECONDS, FOLLOWERS, poll))
            return (used - idle * SECONDS) / FOLLOWERS

    def _publish(self) -> float:
        """Return the milliseconds of publishing EVENTS, with their delivery."""
        writers = self._stage.seeded.followed
        with publishing(f"127.0.0.1:{self._stage.port}") as publish:

            def act(number: int) -> None:
                publish(writers[number])

            return self._used(lambda: at_rate(EVENTS_PER_SECOND, EVENTS, act))

    def _used(self, act: Callable[[], object]) -> float:
        """Return the milliseconds that all parts of the server use during `act`."""
        before = self._read()
        act()
        return self._read() - before

    def _read(self) -> float:
        used = self._meter.read()
        return 1000 * sum(seconds for name, seconds in used.items() if name != LOAD)
