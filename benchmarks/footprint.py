"""How much memory a worker takes, idle, after load and with idle streams; and how fast it starts.

Streams are conversations of the AI planner in which nobody says anything.
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

from benchmarks.h2load import loaded
from benchmarks.launcher import Launcher, free_port
from benchmarks.seed import seed
from benchmarks.servers import POSTGRES
from benchmarks.workloads import TOGETHER, get_user
from server.libraries.database.migrations import migrate
from server.programs.local.temporary_postgres import temporary_postgres

STREAMS, STREAMS_BESIDE_LOAD = 1_000, 500
KEY = "a-key-for-a-benchmark"
# A model that nobody asks anything.
PLANNER = {
    "WEB_AUTH_API_KEY": KEY,
    "OPENAI_API_KEY": KEY,
    "OPENAI_BASE_URL": "http://127.0.0.1:9",
}
SETTLE_SECONDS = 1.0
# What is imported, by how it is called: the worker, and the least that a server of gRPC imports.
IMPORTS = {
    "the worker": "import server.programs.worker.main",
    "the floor": "import grpc, asyncpg, uvloop",
    "the command line": "import server.programs.cli.app",
}


@dataclass(frozen=True)
class Footprint:
    """Mebibytes of resident memory, and GetUser beside idle streams as a ratio to without."""

    idle: float
    after_load: float
    with_streams: float
    rate_beside_streams: float


def measured(*, rounds: int, seconds: float, advance: Callable[[], None]) -> Footprint:
    """Measures one worker."""
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
            return loaded(port, [get_user(person)], TOGETHER, seconds).rate

        rate()
        ratios = [_beside_streams(port, rate) for _ in range(rounds)]
        after_load = _resident(worker)
        return Footprint(
            idle=idle,
            after_load=after_load,
            with_streams=asyncio.run(_with_streams(port, worker)),
            rate_beside_streams=statistics.median(ratios),
        )


def imports(*, rounds: int, advance: Callable[[], None]) -> dict[str, float]:
    """How long Python and an import take, as a ratio to Python alone."""
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


def _beside_streams(port: int, rate: Callable[[], float]) -> float:
    without = rate()

    async def beside() -> float:
        async with _streams(port, STREAMS_BESIDE_LOAD):
            # To open them is work, and they are to be idle.
            await asyncio.sleep(SETTLE_SECONDS)
            return await asyncio.to_thread(rate)

    return asyncio.run(beside()) / without


async def _with_streams(port: int, worker: psutil.Process) -> float:
    async with _streams(port, STREAMS):
        await asyncio.sleep(SETTLE_SECONDS)
        return _resident(worker)


@asynccontextmanager
async def _streams(port: int, number: int) -> AsyncIterator[None]:
    """So many conversations, which are all open."""
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
