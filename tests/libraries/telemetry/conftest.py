"""Workers and a stack with metrics, and their database."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from server.libraries.database.migrations import migrate
from server.programs.local.temporary_postgres import TemporaryPostgres
from tests.libraries.database.conftest import make_database
from tests.libraries.telemetry.collector import Collector, collecting
from tests.libraries.telemetry.scrape import Scrape, metrics_url, scrape
from tests.services.ai.planner.model_server import ModelServer
from tests.support.client import Client
from tests.support.ports import free_ports
from tests.support.stack import Stack, running_stack
from tests.support.worker import health, serving

WEB_KEY = "canary-web-key"


@dataclass(frozen=True)
class Worker:
    """A worker, a client of it, and the URL of its metrics."""

    channel: grpc.aio.Channel
    client: Client
    metrics_url: str
    log: Path

    async def scrape(self) -> Scrape:
        """Scrape its metrics."""
        return await asyncio.to_thread(scrape, self.metrics_url)


@pytest.fixture(scope="session")
def database_url(postgres: TemporaryPostgres) -> str:
    """Return the URL of a migrated database."""

    async def make() -> str:
        url = await make_database(postgres, "telemetry")
        await migrate(url, None, lambda _: None)
        return url

    return asyncio.run(make())


@pytest.fixture
async def model() -> AsyncIterator[ModelServer]:
    """Run the model of the worker."""
    async with ModelServer() as model:
        yield model


@pytest.fixture
async def worker(
    database_url: str, model: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Worker]:
    """Run a worker with fresh metrics."""
    monkeypatch.setenv("OPENAI_BASE_URL", model.url)
    monkeypatch.setenv("WEB_AUTH_API_KEY", WEB_KEY)
    async with running_worker(database_url, tmp_path, "--metrics=0") as worker:
        yield worker


@asynccontextmanager
async def running_worker(url: str, folder: Path, *options: str) -> AsyncIterator[Worker]:
    """Run a worker with command-line options."""
    socket, log = folder / "worker.sock", folder / "worker.log"
    async with serving(socket, url, *options, stderr=str(log)):
        assert await health(socket) == "ok"
        async with grpc.aio.insecure_channel(f"unix:{socket}") as channel:
            yield Worker(channel, Client(channel), metrics_url(log), log)


@dataclass(frozen=True)
class ObservedStack:
    """A stack with metrics, and the URLs of each process's metrics."""

    stack: Stack
    envoy: str
    web: str
    workers: tuple[str, ...]

    def scrape(self) -> Scrape:
        """Scrape all processes into one result."""
        return Scrape("".join(scrape(url).text for url in (self.envoy, self.web, *self.workers)))


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """Run the collector of traces."""
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="session")
def observed(
    tmp_path_factory: pytest.TempPathFactory, database_url: str, collector: Collector
) -> Iterator[ObservedStack]:
    """Run a stack with two workers and fresh metrics."""
    with running_stack(
        tmp_path_factory.mktemp("observed"),
        f"--metrics-port={free_ports(2 + 2)}",
        workers=2,
        DATABASE_URL=database_url,
        WEB_AUTH_API_KEY=WEB_KEY,
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        OTEL_BSP_SCHEDULE_DELAY="50",
    ) as stack:
        yield _observed(stack)


def _observed(stack: Stack) -> ObservedStack:
    """Read the URLs of metrics from the output of `gymlocker up`."""
    assert stack.process.stdout
    urls = {}
    while "Ctrl-C" not in (line := stack.process.stdout.readline()):
        if match := re.search(r"metrics of (\S+): (\S+)", line):
            urls[match[1]] = match[2]
    workers = tuple(url for name, url in urls.items() if name.startswith("worker-"))
    return ObservedStack(stack, urls["Envoy"], urls["web"], workers)
