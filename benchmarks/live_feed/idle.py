"""Idle watchers on one worker: the memory and the CPU time that they take.

Memory is the PSS of the worker with the watchers, less that without, after a warm-up. CPU time
includes heartbeats, the search for missed changes, and what the worker does without watchers.
"""

import itertools
import time
from dataclasses import dataclass

import psutil

from benchmarks.live_feed.stage import Stage
from benchmarks.live_feed.watchers import watching

WATCHERS, WARM_UP_WATCHERS = 5_000, 300
SETTLE_SECONDS = 20.0
MEASURED_SECONDS = 60.0


@dataclass(frozen=True)
class Idle:
    """Consumption of watchers: KiB each, and percent of a core together."""

    worker_memory: float
    envoy_memory: float
    worker_cpu: float
    envoy_cpu: float
    postgres_cpu: float


def measure(stage: Stage, *, followed: int) -> Idle:
    """Measure watchers of `followed` users each."""
    users = itertools.cycle(stage.seeded.followed)
    requests = [
        stage.request(tuple(itertools.islice(users, followed)))
        for _ in range(WATCHERS + WARM_UP_WATCHERS)
    ]
    (worker,) = stage.workers
    with watching(stage.port, requests[WATCHERS:]):
        time.sleep(SETTLE_SECONDS)
    time.sleep(SETTLE_SECONDS)
    memory, envoy_memory = pss(worker), pss(stage.envoy)
    with watching(stage.port, requests[:WATCHERS]) as watchers:
        time.sleep(SETTLE_SECONDS)
        meter, began, heartbeats = stage.meter(), time.monotonic(), watchers.heartbeats
        before = meter.read()
        time.sleep(MEASURED_SECONDS)
        used, seconds = meter.read(), time.monotonic() - began
        if watchers.heartbeats - heartbeats < WATCHERS * (MEASURED_SECONDS // 15 - 1):
            raise TimeoutError("heartbeats are missing")
        percent = {name: 100 * (used[name] - before[name]) / seconds for name in used}
        return Idle(
            worker_memory=(pss(worker) - memory) / WATCHERS,
            envoy_memory=(pss(stage.envoy) - envoy_memory) / WATCHERS,
            worker_cpu=percent["worker 1"],
            envoy_cpu=percent["Envoy"],
            postgres_cpu=percent["PostgreSQL"],
        )


def pss(process: psutil.Process) -> float:
    """Return the KiB of a process and its children, with their part of what they share."""
    processes = (process, *process.children(recursive=True))
    return sum(float(each.memory_full_info().pss) for each in processes) / 1024
