"""CPU time of the server, Envoy, PostgreSQL and the load generator."""

import resource
from collections.abc import Mapping
from contextlib import suppress
from typing import TypeAlias

import psutil

# CPU seconds by consumer.
Seconds: TypeAlias = dict[str, float]

LOAD = "load"


class Meter:
    """A meter of the CPU time of processes, including their children."""

    def __init__(self, processes: Mapping[str, psutil.Process]) -> None:
        self._roots = processes

    def read(self) -> Seconds:
        """Return the CPU seconds used so far."""
        seconds = {name: _used(root) for name, root in self._roots.items()}
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        return {**seconds, LOAD: ended.ru_utime + ended.ru_stime}


def difference(before: Seconds, after: Seconds) -> Seconds:
    """Return the CPU seconds used between two readings."""
    return {name: after[name] - before[name] for name in after}


def _used(root: psutil.Process) -> float:
    times = root.cpu_times()
    # Include children that have ended, such as PostgreSQL's autovacuum workers.
    total = times.user + times.system + times.children_user + times.children_system
    for process in root.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total
