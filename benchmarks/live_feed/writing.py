"""PutEvent with 1,000 watchers connected, nobody of them followed, relative to without."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.cpu import LOAD, difference
from benchmarks.h2load import Request, run_load
from benchmarks.live_feed.stage import Stage
from benchmarks.live_feed.watchers import watching
from benchmarks.workloads import SINGLE, put_events

WATCHERS = 1_000
PAIRS = 11
SETTLE_SECONDS = 1.0
# All passwords are hashed once on each worker before the measurement.
WARM_UP_SECONDS = 15.0


@dataclass(frozen=True)
class Writing:
    """Rates with watchers relative to without, and CPU time per call."""

    rate: float
    rates: tuple[float, ...]
    cost: float


@dataclass(frozen=True)
class _Measured:
    rate: float
    cost: float


def measure(stage: Stage, *, seconds: float) -> Writing:
    """Measure pairs, in alternating order."""
    requests = put_events(stage.seeded)["grpc"]
    watched = stage.seeded.followed
    watches = [stage.request([watched[number % len(watched)]]) for number in range(WATCHERS)]
    run_load(stage.port, requests, SINGLE, WARM_UP_SECONDS)
    pairs = []
    for number in range(PAIRS):
        alone = _load(stage, requests, seconds) if number % 2 else None
        with watching(stage.port, watches):
            time.sleep(SETTLE_SECONDS)
            watched_by_others = _load(stage, requests, seconds)
        time.sleep(SETTLE_SECONDS)
        pairs.append((watched_by_others, alone or _load(stage, requests, seconds)))
    rates = [mine.rate / other.rate for mine, other in pairs]
    return Writing(
        rate=statistics.median(rates),
        rates=tuple(sorted(rates)),
        cost=statistics.median(mine.cost / other.cost for mine, other in pairs),
    )


def _load(stage: Stage, requests: Sequence[Request], seconds: float) -> _Measured:
    meter = stage.meter()
    before = meter.read()
    load = run_load(stage.port, requests, SINGLE, seconds)
    used = difference(before, meter.read())
    del used[LOAD]
    return _Measured(load.rate, sum(used.values()) / load.done)
