"""What Gymlocker wants to reach, as ratios within one run."""

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.footprint import Footprint
from benchmarks.latency import Waits
from benchmarks.servers import (
    FLOOR,
    IN_LOOP,
    OURS,
    OURS_REST,
    PEER_BARE,
    PEER_ORM,
    UNCHECKED,
)
from benchmarks.throughput import Results, ratio


@dataclass(frozen=True)
class Goal:
    """One figure, and where it should be: at least `bound`, or at most."""

    name: str
    value: float
    bound: float
    at_most: bool = False

    @property
    def reached(self) -> bool:
        """Whether it is there."""
        return self.value <= self.bound if self.at_most else self.value >= self.bound


def of_throughput(results: Mapping[str, Results]) -> list[Goal]:
    """What is wanted of each workload that was measured."""
    return [
        Goal(f"{workload}: {mine} to {other}", ratio(series[mine], series[other]), bound)
        for workload, mine, other, bound in _WANTED
        for name, series in results.items()
        if name.split()[0] == workload
    ]


def of_latency(waits: Mapping[str, Waits]) -> list[Goal]:
    """What is wanted of the small calls that are disturbed."""
    return [
        Goal(f"99th percentile of GetUser beside {name}", waits[name].ratio, bound, at_most)
        for name, bound, at_most in (
            ("logins", 2.5, True),
            ("logins hashed in the loop", 10, False),
            ("20 pictures of 2,000 KiB a second", 2.5, True),
            ("pictures of 2,000 KiB without pause", 5, True),
        )
    ]


def of_growth(costs: Mapping[str, float]) -> list[Goal]:
    """What is wanted of a call when there are a thousand times as many users."""
    return [
        Goal(f"cost of {name} with 1,000,000 users to 1,000", cost, 1.3, at_most=True)
        for name, cost in costs.items()
    ]


def of_footprint(footprint: Footprint, imports: Mapping[str, float]) -> list[Goal]:
    """The budget of a worker."""
    return [
        Goal("MiB of a worker, idle", footprint.idle, 140, at_most=True),
        Goal("MiB of a worker after load", footprint.after_load, 180, at_most=True),
        Goal("MiB of a worker with 1,000 idle streams", footprint.with_streams, 220, at_most=True),
        Goal("GetUser beside 500 idle streams", footprint.rate_beside_streams, 0.9),
        *(
            Goal(f"start of Python with {name}, to Python's", imports[name], bound, at_most=True)
            for name, bound in (("the worker", 60), ("the command line", 12))
        ),
    ]


# The first word of the workload's name; whose calls a second, to whose, and how many at least.
_WANTED = (
    ("GetUser", OURS, FLOOR, 0.80),
    ("GetUser", OURS_REST, PEER_ORM, 1.8),
    ("GetUser", OURS_REST, PEER_BARE, 1.0),
    ("GetEvents", OURS, FLOOR, 0.85),
    ("GetEvents", OURS_REST, PEER_ORM, 1.2),
    ("PutEvent", OURS, IN_LOOP, 100),
    ("PutEvent", OURS, UNCHECKED, 0.6),
)
