"""Cost of metrics and traces.

Three workers share a database: a plain one, one whose metrics are read every second, and one with
traces as well. They are called in turns, one at a time, over many rounds. The output is the calls
per second and the CPU time per call, both relative to the plain worker, as medians of all rounds.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import grpc
import httpx2
import psutil
from gymlocker.v2 import user_pb2, user_pb2_grpc

from server.libraries.database.migrations import migrate
from server.programs.local.temporary_postgres import temporary_postgres
from tests.libraries.telemetry.collector import collecting
from tests.libraries.telemetry.scrape import metrics_url
from tests.support.worker import health, serving

ROUNDS, CALLS, CONCURRENCY = 20, 1_600, 16


@dataclass
class Worker:
    """A worker and its measurements."""

    name: str
    users: user_pb2_grpc.UserServiceStub
    process: psutil.Process
    metrics: str | None
    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)


async def main() -> None:
    """Measure and print."""
    with (
        temporary_postgres() as postgres,
        tempfile.TemporaryDirectory() as folder,
        collecting() as collector,
    ):
        url, place = postgres.url("gymlocker"), Path(folder)
        await migrate(url, None, lambda _: None)
        async with AsyncExitStack() as stack:
            plain = await stack.enter_async_context(worker("plain", url, place))
            metrics = await stack.enter_async_context(worker("metrics", url, place, "--metrics=0"))
            with patch.dict("os.environ", OTEL_EXPORTER_OTLP_ENDPOINT=collector.url):
                traces = await stack.enter_async_context(
                    worker("metrics and traces", url, place, "--metrics=0")
                )
            workers = [plain, metrics, traces]
            user = await plain.users.CreateUser(user_pb2.CreateUserRequest())
            for number in range(ROUNDS + 1):
                # Reverse the order every other round, so that none always follows the same worker.
                for each in workers if number % 2 else reversed(workers):
                    await measure(each, user_pb2.GetUserRequest(id_or_lookup=user.id))
    for each in workers[1:]:
        # The first round is a warm-up.
        rate, cost = (
            statistics.median(a / b for a, b in zip(measured[1:], base[1:], strict=True))
            for measured, base in ((each.rates, plain.rates), (each.costs, plain.costs))
        )
        print(
            f"{each.name}: {rate:.3f} of the calls per second, {cost:.3f} of the CPU time per call"
        )
    print(f"plain: {statistics.median(plain.rates):.0f} calls per second on this machine")


@asynccontextmanager
async def worker(name: str, url: str, folder: Path, *options: str) -> AsyncIterator[Worker]:
    """Run a worker."""
    socket, log = folder / f"{name}.sock", folder / f"{name}.log"
    async with serving(socket, url, *options, stderr=str(log)) as process:
        assert await health(socket) == "ok"
        metrics = metrics_url(log) if options else None
        async with grpc.aio.insecure_channel(f"unix:{socket}") as channel:
            stub = user_pb2_grpc.UserServiceStub(channel)
            yield Worker(name, stub, psutil.Process(process.pid), metrics)


async def measure(worker: Worker, request: user_pb2.GetUserRequest) -> None:
    """Call one worker for a round."""

    async def call_repeatedly() -> None:
        for _ in range(CALLS // CONCURRENCY):
            await worker.users.GetUser(request)

    reading = asyncio.create_task(read(worker.metrics))
    began, before = time.perf_counter(), worker.process.cpu_times()
    await asyncio.gather(*(call_repeatedly() for _ in range(CONCURRENCY)))
    after, seconds = worker.process.cpu_times(), time.perf_counter() - began
    reading.cancel()
    worker.rates.append(CALLS / seconds)
    worker.costs.append((after.user + after.system - before.user - before.system) / CALLS)


async def read(url: str | None) -> None:
    """Read metrics every second. Prometheus usually does so every 15 seconds."""
    async with httpx2.AsyncClient(verify=False) as client:
        while url:
            await client.get(url)
            await asyncio.sleep(1)


if __name__ == "__main__":
    asyncio.run(main())
