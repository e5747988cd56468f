"""Fixtures of all tests: a PostgreSQL, the stack on it, and clients.

Both are started once for each of pytest's processes. Tests do not affect one another because each
has its own users.
"""

import asyncio
import getpass
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import httpx2
import pytest
from grpc import aio

# Set before gRPC is loaded: its fork handlers are not compatible with children that execute another
# program, as those of the tests do.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"

from server.libraries.database.migrations import migrate
from server.programs.demo.transport import GrpcTransport, RestTransport, Transport
from server.programs.local.temporary_postgres import TemporaryPostgres, temporary_postgres
from tests.libraries.database.conftest import make_database
from tests.programs.web.app import installed
from tests.support.client import Client
from tests.support.hanging import HangGuard
from tests.support.stack import SHARED_KEY, TRUSTED_PROXY, Stack, running_stack
from tests.support.tools import require
from tests.support.users import UserPool
from tests.support.worker import health, serving

# The processes that tests start share compiled modules, also if the interpreter must not keep them
# beside the sources. Compiling everything would cost each process seconds.
COMPILED = f"{tempfile.gettempdir()}/gymlocker-tests-{getpass.getuser()}"
os.environ |= {"PYTHONPYCACHEPREFIX": COMPILED, "PYTHONDONTWRITEBYTECODE": ""}

# A shell ignores these signals for jobs in the background, and children would inherit that. Tests
# send them.
for _number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, lambda *_: None)


# They start processes beside the stack that all tests share.
PROCESS_FIXTURES = {"bare_stack", "limited_stack", "observed", "own_stack", "worker", "workers"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests as extended that start processes of their own by a fixture."""
    for item in items:
        if isinstance(item, pytest.Function) and PROCESS_FIXTURES & set(item.fixturenames):
            item.add_marker(pytest.mark.extended)


def pytest_configure(config: pytest.Config) -> None:
    """End tests that hang."""
    config.pluginmanager.register(HangGuard())


def pytest_unconfigure(config: pytest.Config) -> None:
    """Name, as the last line, the command for the tests that the default selection leaves out."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter and config.option.markexpr == "not extended" and not hasattr(config, "workerinput"):
        reporter.write_line(
            "The extended tests were not selected. Run them: uv run --dev pytest -m extended"
        )


@pytest.fixture(scope="session")
def postgres() -> Iterator[TemporaryPostgres]:
    """A PostgreSQL; its database `gymlocker` belongs to the `stack`."""
    with temporary_postgres() as server:
        yield server


@pytest.fixture
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture
async def empty_database(postgres: TemporaryPostgres, request: pytest.FixtureRequest) -> str:
    """The URL of a new, empty database."""
    return await make_database(postgres, f"test_{abs(hash(request.node.nodeid)):x}")


@pytest.fixture(scope="session")
def migrated_database(postgres: TemporaryPostgres) -> str:
    """The URL of a database for workers beside the `stack`, which share it without conflicts."""

    async def create() -> str:
        url = await make_database(postgres, "workers")
        await migrate(url, None, lambda _: None)
        return url

    return asyncio.run(create())


@pytest.fixture(scope="session")
def stack(postgres: TemporaryPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Gymlocker with one worker behind Envoy."""
    with running_stack(
        tmp_path_factory.mktemp("stack"),
        workers=1,
        DATABASE_URL=postgres.url("gymlocker"),
        # Tests share users and an address. Tests of the limits lower them.
        PASSWORD_FAILURES_PER_ACCOUNT="1000000",
        PASSWORD_FAILURES_PER_ADDRESS="1000000",
        API_KEY=SHARED_KEY,
        FORWARD_AUTH_USER_HEADER="Remote-User",
        FORWARD_AUTH_TRUSTED_PROXIES=TRUSTED_PROXY,
        # Endpoints of tests are on this machine.
        PUSH_ALLOW_PRIVATE="true",
    ) as stack:
        yield stack


@pytest.fixture(params=["grpc", "rest", pytest.param("rest-v2", marks=pytest.mark.extended)])
async def transport(stack: Stack, request: pytest.FixtureRequest) -> AsyncIterator[Transport]:
    """Every transport; the test runs once for each."""
    transport: Transport = (
        GrpcTransport(stack.url)
        if request.param == "grpc"
        else RestTransport(stack.url, versioned=request.param == "rest-v2")
    )
    yield transport
    await transport.close()


@pytest.fixture(scope="session")
def user_pool() -> UserPool:
    """Users that tests reuse."""
    return UserPool()


@pytest.fixture
async def client(
    transport: Transport, user_pool: UserPool, database: asyncpg.Connection
) -> AsyncIterator[Client]:
    """The services' stubs over every transport."""
    async with user_pool.client(transport, database) as client:
        yield client


@pytest.fixture
async def rest(stack: Stack) -> AsyncIterator[httpx2.AsyncClient]:
    """An HTTP client, for tests of JSON."""
    async with httpx2.AsyncClient(base_url=stack.url, timeout=30, verify=False) as client:
        yield client


@pytest.fixture
async def database(postgres: TemporaryPostgres) -> AsyncIterator[asyncpg.Connection]:
    """A connection to the database of the `stack`."""
    connection = await asyncpg.connect(postgres.url("gymlocker"))
    yield connection
    await connection.close()


@pytest.fixture(scope="session")
def modules() -> Path:
    """The package.json next to which Microsoft's SignalR client is installed."""
    require("node", "npm")
    return installed()


@pytest.fixture
async def workers(
    stack: Stack, postgres: TemporaryPostgres, tmp_path: Path
) -> AsyncIterator[list[Client]]:
    """Two workers on the database of the `stack`, without Envoy."""
    sockets = [tmp_path / "first.sock", tmp_path / "second.sock"]
    url = postgres.url("gymlocker")
    async with serving(sockets[0], url), serving(sockets[1], url):
        for socket in sockets:
            assert await health(socket) == "ok"
        channels = [aio.insecure_channel(f"unix:{socket}") for socket in sockets]
        yield [Client(channel) for channel in channels]
        for channel in channels:
            await channel.close()
