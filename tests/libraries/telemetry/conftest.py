"""Workers that can be watched, and a database for them."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from server.libraries.database.migrations import migrate
from server.programs.local.temporary_postgres import ThrowawayPostgres
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
    """A worker, who calls it, and where its metrics are."""

    channel: grpc.aio.Channel
    client: Client
    metrics_url: str
    log: Path

    async def scrape(self) -> Scrape:
        """Its metrics."""
        return await asyncio.to_thread(scrape, self.metrics_url)


@pytest.fixture(scope="session")
def database_url(postgres: ThrowawayPostgres) -> str:
    """The URL of a database of this server."""

    async def made() -> str:
        url = await make_database(postgres, "telemetry")
        await migrate(url, None, lambda _: None)
        return url

    return asyncio.run(made())


@pytest.fixture
async def model() -> AsyncIterator[ModelServer]:
    """The model of the worker."""
    async with ModelServer() as model:
        yield model


@pytest.fixture
async def worker(
    database_url: str, model: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Worker]:
    """A worker whose metrics say nothing yet."""
    monkeypatch.setenv("OPENAI_BASE_URL", model.url)
    monkeypatch.setenv("WEB_AUTH_API_KEY", WEB_KEY)
    async with watched_worker(database_url, tmp_path, "--metrics=0") as worker:
        yield worker


@asynccontextmanager
async def watched_worker(url: str, folder: Path, *options: str) -> AsyncIterator[Worker]:
    """Runs a worker."""
    socket, log = folder / "worker.sock", folder / "worker.log"
    async with serving(socket, url, *options, stderr=str(log)):
        assert await health(socket) == "ok"
        async with grpc.aio.insecure_channel(f"unix:{socket}") as channel:
            yield Worker(channel, Client(channel), metrics_url(log), log)


@dataclass(frozen=True)
class Places:
    """A house whose processes have metrics, and where each has them."""

    stack: Stack
    envoy: str
    web: str
    workers: tuple[str, ...]

    def scrape(self) -> Scrape:
        """What all of them say, one after the other."""
        return Scrape("".join(scrape(url).text for url in (self.envoy, self.web, *self.workers)))


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """Where traces go."""
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="session")
def places(
    tmp_path_factory: pytest.TempPathFactory, database_url: str, collector: Collector
) -> Iterator[Places]:
    """A house with two workers that can be watched, in which nothing has happened yet."""
    with running_stack(
        tmp_path_factory.mktemp("watched"),
        f"--metrics-port={free_ports(2 + 2)}",
        workers=2,
        DATABASE_URL=database_url,
        WEB_AUTH_API_KEY=WEB_KEY,
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        OTEL_BSP_SCHEDULE_DELAY="50",
    ) as stack:
        yield _places(stack)


def _places(stack: Stack) -> Places:
    """Where metrics are, as `gymlocker up` says it."""
    assert stack.process.stdout
    urls = {}
    while "Ctrl-C" not in (line := stack.process.stdout.readline()):
        if place := re.search(r"metrics of (\S+): (\S+)", line):
            urls[place[1]] = place[2]
    workers = tuple(url for name, url in urls.items() if name.startswith("worker-"))
    return Places(stack, urls["Envoy"], urls["web"], workers)
