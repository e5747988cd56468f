"""A worker whose model is the model server, and a database for its quotas.

The tests with the worker run in the session's event loop, in which the model server lives.
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
from tests.services.ai.calling import API_KEY, LIMIT, TOKEN, Chat, Stub
from tests.services.ai.planner.model_server import ModelServer
from tests.support.worker import health, serving


@dataclass(frozen=True)
class Place:
    """Where a worker serves, and what it asks."""

    socket: Path
    model: ModelServer


@pytest.fixture(scope="session")
def quota_database(postgres: TemporaryPostgres) -> str:
    """The URL of a database of this server."""

    async def made() -> str:
        url = await make_database(postgres, "quotas")
        await migrate(url, None, lambda _: None)
        return url

    return asyncio.run(made())


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def place(
    quota_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Place]:
    """A worker and its model."""
    socket = tmp_path_factory.mktemp("ai") / "worker.sock"
    async with ModelServer() as model:
        worker = serving(
            socket,
            quota_database,
            OPENAI_BASE_URL=model.url,
            WEB_AUTH_API_KEY=TOKEN,
            API_KEY=API_KEY,
            RATE_LIMIT_WEB_PER_DAY=str(LIMIT),
        )
        async with worker:
            assert await health(socket) == "ok"
            yield Place(socket, model)


@pytest_asyncio.fixture(loop_scope="session")
async def connection(quota_database: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to the database of the quotas."""
    connection = await asyncpg.connect(quota_database)
    yield connection
    await connection.close()


@pytest_asyncio.fixture(loop_scope="session")
async def fresh_quota(connection: asyncpg.Connection) -> None:
    """Nothing counts yet."""
    await connection.execute("DELETE FROM rate_limit_consumptions")


@pytest_asyncio.fixture(loop_scope="session")
async def model(place: Place, fresh_quota: None) -> ModelServer:
    """The worker's model, which nobody has asked yet."""
    model = place.model
    await model.until(lambda: model.open == 0)
    model.calls.clear()
    model.faults.clear()
    model.pace = model.hung_up = model.stalled = 0
    return model


@pytest_asyncio.fixture(loop_scope="session")
async def ai(place: Place, model: ModelServer) -> AsyncIterator[Any]:
    """The planner."""
    async with grpc.aio.insecure_channel(f"unix:{place.socket}") as channel:
        yield ai_pb2_grpc.AiServiceStub(channel)


@pytest_asyncio.fixture(loop_scope="session")
async def conversation(ai: Stub) -> Chat:
    """A conversation of which nothing was said yet."""
    return Chat(ai)
