"""Fixtures: a worker whose model is the model server, and a database for its quotas.

Tests with the worker run in the session's event loop, which also runs the model server.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import pytest
import pytest_asyncio
from gymlocker.v2 import ai_pb2_grpc

from server.libraries.database.migrations import migrate
from server.programs.local.temporary_postgres import TemporaryPostgres
from tests.libraries.database.conftest import make_database
from tests.services.ai.calls import API_KEY, LIMIT, TOKEN, Chat, Stub
from tests.services.ai.planner.model_server import ModelServer
from tests.support.worker import health, serving


@dataclass(frozen=True)
class Worker:
    """A worker's socket, and its model."""

    socket: Path
    model: ModelServer


@pytest.fixture(scope="session")
def quota_database(postgres: TemporaryPostgres) -> str:
    """Return the URL of a migrated database."""

    async def make() -> str:
        url = await make_database(postgres, "quotas")
        await migrate(url, None, lambda _: None)
        return url

    return asyncio.run(make())


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def worker(
    quota_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Worker]:
    """Run a worker and its model."""
    socket = tmp_path_factory.mktemp("ai") / "worker.sock"
    async with ModelServer() as model:
        process = serving(
            socket,
            quota_database,
            OPENAI_BASE_URL=model.url,
            WEB_AUTH_API_KEY=TOKEN,
            API_KEY=API_KEY,
            RATE_LIMIT_WEB_PER_DAY=str(LIMIT),
        )
        async with process:
            assert await health(socket) == "ok"
            yield Worker(socket, model)


@pytest_asyncio.fixture(loop_scope="session")
async def connection(quota_database: str) -> AsyncIterator[asyncpg.Connection]:
    """Connect to the database of the quotas."""
    connection = await asyncpg.connect(quota_database)
    yield connection
    await connection.close()


@pytest_asyncio.fixture(loop_scope="session")
async def empty_quota(connection: asyncpg.Connection) -> None:
    """Delete all uses."""
    await connection.execute("DELETE FROM rate_limit_consumptions")


@pytest_asyncio.fixture(loop_scope="session")
async def model(worker: Worker, empty_quota: None) -> ModelServer:
    """Reset the worker's model."""
    model = worker.model
    await model.until(lambda: model.open == 0)
    model.calls.clear()
    model.faults.clear()
    model.pace = model.hung_up = model.stalled = 0
    return model


@pytest_asyncio.fixture(loop_scope="session")
async def ai(worker: Worker, model: ModelServer) -> AsyncIterator[Any]:
    """Connect to the planner."""
    async with grpc.aio.insecure_channel(f"unix:{worker.socket}") as channel:
        yield ai_pb2_grpc.AiServiceStub(channel)


@pytest_asyncio.fixture(loop_scope="session")
async def conversation(ai: Stub) -> Chat:
    """Begin a conversation."""
    return Chat(ai)
