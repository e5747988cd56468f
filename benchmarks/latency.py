"""Latency of a small call during other load: its 99th percentile.

GetUser is sent at a fixed rate, first alone and then while four clients send expensive calls: they
log in with a hash each time, as the password cache is off, or they read and replace profiles whose
picture has 2,000 KiB. Pictures without pause keep both cores busy on any server, so they are also
sent at a fixed rate.
"""

import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from benchmarks.h2load import Request, Shape, background_load, measure_latencies
from benchmarks.seed import Seeded
from benchmarks.servers import IN_LOOP, OURS, UNCACHED, Arena
from benchmarks.workloads import get_user, log_in, replace_picture

RATE = 400
CLIENTS = 4
# Per client.
PICTURES_PER_SECOND = 5


@dataclass
class Latencies:
    """The 99th percentile of each round, in milliseconds."""

    alone: list[float] = field(default_factory=list)
    disturbed: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """The median ratio of disturbed to undisturbed latency."""
        pairs = zip(self.disturbed, self.alone, strict=True)
        return statistics.median(disturbed / alone for disturbed, alone in pairs)


@dataclass(frozen=True)
class Disturbance:
    """Requests that four clients send to a contender."""

    name: str
    contender: str
    requests: Sequence[Request]
    rate: float | None = None


def disturbances(seeded: Seeded) -> list[Disturbance]:
    """Return all disturbances."""
    logging_in, large = seeded.people[1], seeded.people[2]
    login = [log_in(logging_in, seeded.password)] * CLIENTS
    pictures = [replace_picture(large, seeded.password), get_user(large)] * (CLIENTS // 2)
    return [
        Disturbance("logins", UNCACHED, login),
        Disturbance("logins hashed in the loop", IN_LOOP, login),
        Disturbance("20 pictures of 2,000 KiB per second", OURS, pictures, PICTURES_PER_SECOND),
        Disturbance("pictures of 2,000 KiB without pause", OURS, pictures),
    ]


def measure(
    arena: Arena, *, rounds: int, seconds: float, advance: Callable[[], None]
) -> dict[str, Latencies]:
    """Return the latency of GetUser, alone and disturbed, for each disturbance."""
    found = {each.name: Latencies() for each in disturbances(arena.seeded)}
    call = get_user(arena.seeded.people[0])
    for _ in range(rounds):
        for each in disturbances(arena.seeded):
            port = arena.contenders[each.contender].port
            latencies = found[each.name]
            latencies.alone.append(_percentile(measure_latencies(port, call, RATE, seconds)))
            with ExitStack() as stack:
                for request in each.requests:
                    stack.enter_context(background_load(port, request, Shape(1, 1), each.rate))
                disturbed = measure_latencies(port, call, RATE, seconds)
                latencies.disturbed.append(_percentile(disturbed))
            advance()
    return found


def _percentile(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]
