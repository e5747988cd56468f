"""Performance goals, as ratios within one run."""

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.footprint import Footprint
from benchmarks.latency import Latencies
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
    """A figure and its target: at least `bound`, or at most."""

    name: str
    value: float
    bound: float
    at_most: bool = False

    @property
    def met(self) -> bool:
        """True if the value is within its bound."""
        return self.value <= self.bound if self.at_most else self.value >= self.bound


def of_throughput(results: Mapping[str, Results]) -> list[Goal]:
    """Return the goals of the measured workloads."""
    return [
        Goal(f"{workload}: {mine} vs. {other}", ratio(series[mine], series[other]), bound)
        for workload, mine, other, bound in _TARGETS
        for name, series in results.items()
        if name.split()[0] == workload
    ]


def of_latency(latencies: Mapping[str, Latencies]) -> list[Goal]:
    """Return the goals of small calls during other load."""
    return [
        Goal(f"99th percentile of GetUser during {name}", latencies[name].ratio, bound, at_most)
        for name, bound, at_most in (
            ("logins", 2.5, True),
            ("logins hashed in the loop", 10, False),
            ("20 pictures of 2,000 KiB per second", 2.5, True),
            ("pictures of 2,000 KiB without pause", 5, True),
        )
    ]


def of_growth(costs: Mapping[str, float]) -> list[Goal]:
    """Return the goals of calls with a thousand times as many users."""
    return [
        Goal(f"CPU time of {name} with 1,000,000 vs. 1,000 users", cost, 1.3, at_most=True)
        for name, cost in costs.items()
    ]


def of_footprint(footprint: Footprint, imports: Mapping[str, float]) -> list[Goal]:
    """Return the goals of a worker's memory and start time."""
    return [
        Goal("memory of an idle worker, MiB", footprint.idle, 140, at_most=True),
        Goal("memory of a worker after load, MiB", footprint.after_load, 180, at_most=True),
        Goal(
            "memory of a worker with 1,000 idle streams, MiB",
            footprint.with_streams,
            220,
            at_most=True,
        ),
        Goal("GetUser with 500 idle streams vs. without", footprint.rate_with_streams, 0.9),
        *(
            Goal(f"start of Python with {name} vs. without", imports[name], bound, at_most=True)
            for name, bound in (("the worker", 60), ("the command line", 12))
        ),
    ]


# First word of the workload's name, contender, reference, and minimum ratio of their rates.
_TARGETS = (
    ("GetUser", OURS, FLOOR, 0.80),
    ("GetUser", OURS_REST, PEER_ORM, 1.8),
    ("GetUser", OURS_REST, PEER_BARE, 1.0),
    ("GetEvents", OURS, FLOOR, 0.85),
    ("GetEvents", OURS_REST, PEER_ORM, 1.2),
    ("PutEvent", OURS, IN_LOOP, 100),
    ("PutEvent", OURS, UNCHECKED, 0.6),
)
