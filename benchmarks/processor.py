"""Who used the processor: a server, its Envoy, PostgreSQL, or the load itself."""

import resource
from collections.abc import Mapping
from contextlib import suppress
from typing import TypeAlias

import psutil

# Processor seconds by who used them.
Seconds: TypeAlias = dict[str, float]

LOAD = "load"


class Meter:
    """Reads the clocks of some processes and of all that they have started."""

    def __init__(self, processes: Mapping[str, psutil.Process]) -> None:
        self._roots = processes

    def read(self) -> Seconds:
        """The processor seconds used so far."""
        seconds = {name: _used(root) for name, root in self._roots.items()}
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        return {**seconds, LOAD: ended.ru_utime + ended.ru_stime}


def spent(before: Seconds, after: Seconds) -> Seconds:
    """What was used between two readings."""
    return {name: after[name] - before[name] for name in after}


def _used(root: psutil.Process) -> float:
    times = root.cpu_times()
    # With those that have ended, such as PostgreSQL's cleaners.
    total = times.user + times.system + times.children_user + times.children_system
    for process in root.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total
