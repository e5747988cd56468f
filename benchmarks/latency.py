"""Whether some keep the others waiting: the 99th percentile of a small call.

GetUser comes at a fixed rate, first alone and then while four clients do something heavy without
pause: they log in, each time with a hash, for nothing is remembered here; or they read and replace
profiles whose picture has 2,000 KiB. Pictures without pause keep both cores busy, whoever serves
them; so they come at a fixed rate, too.
"""

import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from benchmarks.h2load import Request, Shape, latencies, repeated
from benchmarks.seed import Seeded
from benchmarks.servers import IN_LOOP, NON_DURABLE, OURS, Arena
from benchmarks.workloads import get_user, log_in, replace_picture

RATE = 400
CLIENTS = 4
# So many come from each of the four clients.
PICTURES_A_SECOND = 5


@dataclass
class Waits:
    """The 99th percentile of each round, in milliseconds."""

    alone: list[float] = field(default_factory=list)
    disturbed: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """How many times longer the others wait."""
        pairs = zip(self.disturbed, self.alone, strict=True)
        return statistics.median(disturbed / alone for disturbed, alone in pairs)


@dataclass(frozen=True)
class Disturbance:
    """What four clients do to a contender."""

    name: str
    contender: str
    requests: Sequence[Request]
    rate: float | None = None


def disturbances(seeded: Seeded) -> list[Disturbance]:
    """All of them."""
    logging_in, large = seeded.people[1], seeded.people[2]
    login = [log_in(logging_in, seeded.password)] * CLIENTS
    pictures = [replace_picture(large, seeded.password), get_user(large)] * (CLIENTS // 2)
    return [
        Disturbance("logins", NON_DURABLE, login),
        Disturbance("logins hashed in the loop", IN_LOOP, login),
        Disturbance("20 pictures of 2,000 KiB a second", OURS, pictures, PICTURES_A_SECOND),
        Disturbance("pictures of 2,000 KiB without pause", OURS, pictures),
    ]


def measured(
    arena: Arena, *, rounds: int, seconds: float, advance: Callable[[], None]
) -> dict[str, Waits]:
    """How long GetUser takes alone and disturbed, by what disturbs it."""
    found = {each.name: Waits() for each in disturbances(arena.seeded)}
    call = get_user(arena.seeded.people[0])
    for _ in range(rounds):
        for each in disturbances(arena.seeded):
            port = arena.contenders[each.contender].port
            waits = found[each.name]
            waits.alone.append(_percentile(latencies(port, call, RATE, seconds)))
            with ExitStack() as stack:
                for request in each.requests:
                    stack.enter_context(repeated(port, request, Shape(1, 1), each.rate))
                waits.disturbed.append(_percentile(latencies(port, call, RATE, seconds)))
            advance()
    return found


def _percentile(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]
