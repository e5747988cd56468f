"""Fixtures: a stack that trusts one proxy, and each proxy in front of it."""

from collections.abc import AsyncIterator, Iterator

import grpc
import pytest
import pytest_asyncio
from grpc import aio

from server.programs.local.temporary_postgres import TemporaryPostgres
from tests.deploy.proxies.programs import NAMES, Proxy, running_proxy
from tests.libraries.database.conftest import make_database
from tests.programs.gateway.authority import HOST
from tests.services.ai.planner.model_server import ModelServer
from tests.support.stack import Stack, running_stack

NEW_USERS = 2


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def model() -> AsyncIterator[ModelServer]:
    """The model of the planner."""
    async with ModelServer() as model:
        yield model


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def database_url(postgres: TemporaryPostgres) -> str:
    """The URL of the stack's database."""
    return await make_database(postgres, "proxies")


@pytest.fixture(scope="package")
def behind_proxies(
    database_url: str, model: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """A stack with the settings that deploy/proxies names."""
    with running_stack(
        tmp_path_factory.mktemp("behind-proxies"),
        DATABASE_URL=database_url,
        TRUSTED_PROXIES="1",
        FORWARD_AUTH_USER_HEADER="Remote-User",
        FORWARD_AUTH_TRUSTED_PROXIES="127.0.0.1",
        NEW_USERS_PER_ADDRESS=f"{NEW_USERS}/600s",
        OPENAI_BASE_URL=model.url,
        WEB_AUTH_API_KEY="good",
        RATE_LIMIT_WEB_PER_DAY="1000",
    ) as stack:
        yield stack


@pytest_asyncio.fixture(scope="package", loop_scope="session", params=NAMES)
async def proxy(
    request: pytest.FixtureRequest, behind_proxies: Stack, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Proxy]:
    """Each proxy."""
    folder = tmp_path_factory.mktemp(request.param)
    async with running_proxy(request.param, folder, behind_proxies.address) as proxy:
        yield proxy


@pytest_asyncio.fixture(loop_scope="session")
async def channel(proxy: Proxy) -> AsyncIterator[aio.Channel]:
    """A gRPC channel through the proxy."""
    credentials = grpc.ssl_channel_credentials(proxy.root.read_bytes())
    async with aio.secure_channel(f"{HOST}:{proxy.port}", credentials) as channel:
        yield channel
