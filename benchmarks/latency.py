"""Whether those who log in keep the others waiting: the 99th percentile of a small call.

GetUser comes at a fixed rate, first alone and then while four clients log in without pause. Nothing
is remembered, so that each login is hashed.
"""

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.h2load import Shape, latencies, repeated
from benchmarks.servers import IN_LOOP, FORGETFUL, Arena
from benchmarks.workloads import get_user, log_in

CONTENDERS = (FORGETFUL, IN_LOOP)
RATE = 400
CLIENTS = Shape(connections=4, at_once=1)


@dataclass
class Waits:
    """The 99th percentile of each round, in milliseconds."""

    alone: list[float] = field(default_factory=list)
    beside_logins: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """How many times longer the others wait."""
        pairs = zip(self.beside_logins, self.alone, strict=True)
        return statistics.median(beside / alone for beside, alone in pairs)


def measured(
    arena: Arena, *, rounds: int, seconds: float, advance: Callable[[], None]
) -> dict[str, Waits]:
    """Measures those that hash in a thread and in the event loop."""
    found = {name: Waits() for name in CONTENDERS}
    watcher, logging_in = arena.seeded.people[0], arena.seeded.people[1]
    login = log_in(logging_in, arena.seeded.password)
    for _ in range(rounds):
        for name, waits in found.items():
            contender = arena.contenders[name]
            call = get_user(watcher)
            waits.alone.append(_percentile(latencies(contender.port, call, RATE, seconds)))
            with repeated(contender.port, login, CLIENTS):
                waits.beside_logins.append(
                    _percentile(latencies(contender.port, call, RATE, seconds))
                )
            advance()
    return found


def _percentile(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]
