"""Workers that can be watched, and a database for them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from server.database.migrations import migrate
from server.local.throwaway import ThrowawayPostgres
from tests.ai.planner.model_server import ModelServer
from tests.database.conftest import make_database
from tests.feed.client import Client
from tests.telemetry.scrape import Scrape, metrics_url, scrape
from tests.worker import health, serving

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
