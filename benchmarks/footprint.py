"""Memory of a worker: idle, after load and with idle streams. Also its start time.

Streams are conversations with the AI planner without messages.
"""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import psutil
from gymlocker.v2 import ai_pb2_grpc

from benchmarks.h2load import run_load
from benchmarks.launcher import Launcher, free_port
from benchmarks.seed import seed
from benchmarks.servers import POSTGRES
from benchmarks.workloads import MULTIPLEXED, get_user
from server.libraries.database.migrations import migrate
from server.programs.local.temporary_postgres import temporary_postgres

STREAMS, STREAMS_DURING_LOAD = 1_000, 500
KEY = "a-key-for-a-benchmark"
# The model is never called.
PLANNER = {
    "WEB_AUTH_API_KEY": KEY,
    "OPENAI_API_KEY": KEY,
    "OPENAI_BASE_URL": "http://127.0.0.1:9",
}
SETTLE_SECONDS = 1.0
# Imports by label. The floor's are the minimum that a gRPC server needs.
IMPORTS = {
    "the worker": "import server.programs.worker.main",
    "the floor": "import grpc, asyncpg, uvloop",
    "the command line": "import server.programs.cli.app",
}


@dataclass(frozen=True)
class Footprint:
    """Resident memory in MiB, and the rate of GetUser with idle streams relative to without."""

    idle: float
    after_load: float
    with_streams: float
    rate_with_streams: float


def measure(*, rounds: int, seconds: float, advance: Callable[[], None]) -> Footprint:
    """Measure one worker."""
    with ExitStack() as stack:
        url = stack.enter_context(temporary_postgres(POSTGRES)).url()
        asyncio.run(migrate(url, None, lambda _: None))
        person = asyncio.run(seed(url, people=1, followed=0)).people[0]
        port = free_port()
        launcher = Launcher(stack)
        worker = launcher.worker(url, f"127.0.0.1:{port}", **PLANNER)
        launcher.wait_for(port)
        time.sleep(SETTLE_SECONDS)
        idle = _resident(worker)

        def rate() -> float:
            advance()
            return run_load(port, [get_user(person)], MULTIPLEXED, seconds).rate

        rate()
        ratios = [_rate_with_streams(port, rate) for _ in range(rounds)]
        after_load = _resident(worker)
        return Footprint(
            idle=idle,
            after_load=after_load,
            with_streams=asyncio.run(_memory_with_streams(port, worker)),
            rate_with_streams=statistics.median(ratios),
        )


def measure_imports(*, rounds: int, advance: Callable[[], None]) -> dict[str, float]:
    """Return the start time of Python with each import, relative to Python alone."""
    times: dict[str, list[float]] = {name: [] for name in ("", *IMPORTS)}
    for _ in range(rounds):
        for name, series in times.items():
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", IMPORTS.get(name, "pass")], check=True)
            series.append(time.perf_counter() - began)
        advance()
    return {
        name: statistics.median(a / b for a, b in zip(times[name], times[""], strict=True))
        for name in IMPORTS
    }


def _rate_with_streams(port: int, rate: Callable[[], float]) -> float:
    without = rate()

    async def with_streams() -> float:
        async with _streams(port, STREAMS_DURING_LOAD):
            # Wait until the work of opening them is done.
            await asyncio.sleep(SETTLE_SECONDS)
            return await asyncio.to_thread(rate)

    return asyncio.run(with_streams()) / without


async def _memory_with_streams(port: int, worker: psutil.Process) -> float:
    async with _streams(port, STREAMS):
        await asyncio.sleep(SETTLE_SECONDS)
        return _resident(worker)


@asynccontextmanager
async def _streams(port: int, number: int) -> AsyncIterator[None]:
    """Keep a number of conversations open."""
    async with AsyncExitStack() as stack:
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{port}"))
        stub: Any = ai_pb2_grpc.AiServiceStub(channel)
        calls = [stub.Chat(metadata=(("authorization", f"Web {KEY}"),)) for _ in range(number)]
        await asyncio.gather(*(call.wait_for_connection() for call in calls))
        yield
        assert not any(call.done() for call in calls), "a stream was lost"
        for call in calls:
            call.cancel()


def _resident(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 2**20
