"""Scaling: GetUser through one Envoy with 1, 2 or 4 workers."""

import asyncio
import statistics
from collections.abc import Callable
from contextlib import ExitStack

from benchmarks.h2load import run_load
from benchmarks.launcher import Launcher, free_port
from benchmarks.seed import seed
from benchmarks.servers import POSTGRES
from benchmarks.workloads import MULTIPLEXED, get_user
from server.libraries.database.migrations import migrate
from server.programs.local.temporary_postgres import temporary_postgres

SIZES = (1, 2, 4)


def measure(*, rounds: int, seconds: float, advance: Callable[[], None]) -> dict[int, float]:
    """Return the calls per second by number of workers, relative to one worker."""
    rates: dict[int, list[float]] = {size: [] for size in SIZES}
    with ExitStack() as stack:
        url = stack.enter_context(temporary_postgres(POSTGRES)).url()
        asyncio.run(migrate(url, None, lambda _: None))
        person = asyncio.run(seed(url, people=1, followed=0)).people[0]
        launcher = Launcher(stack)
        ports = {size: _gateway(launcher, url, size) for size in SIZES}
        for number in range(rounds + 1):
            for size in SIZES if number % 2 else reversed(SIZES):
                rate = run_load(ports[size], [get_user(person)], MULTIPLEXED, seconds).rate
                # The first round is a warm-up.
                rates[size] += [rate] if number else []
                advance()
    return {
        size: statistics.median(a / b for a, b in zip(rates[size], rates[1], strict=True))
        for size in SIZES
    }


def _gateway(launcher: Launcher, url: str, size: int) -> int:
    workers = [f"unix:{launcher.folder}/{size}-{number}.sock" for number in range(size)]
    for worker in workers:
        launcher.worker(url, worker)
    port = free_port()
    launcher.gateway(port, *workers)
    launcher.wait_for(port)
    return port
