"""The errors of a server whose databases hang, are read-only or have a full disk.

One stack uses two databases, which the tests put into each of these states and back.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import asyncpg
import httpx2
import pytest
from gymlocker.v2 import event_pb2
from gymlocker.v2.user_pb2 import CreateUserResponse as User

from server.errors import StartError
from server.programs.demo.transport import CallError, GrpcTransport, channel_over
from server.programs.diagnostics.health import check, check_http
from server.programs.local.temporary_postgres import TemporaryPostgres, temporary_postgres
from tests.libraries.database.conftest import make_database
from tests.libraries.database.postmaster import frozen, postmaster_of
from tests.support.client import Client, error_info, event_of
from tests.support.stack import Stack, running_stack
from tests.support.waiting import eventually_true

pytestmark = pytest.mark.extended

# Fails as on a full disk, for a new row and for a new table.
FILL_DISK = """
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE 'could not extend file' USING ERRCODE = '53100'; END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON user_events EXECUTE FUNCTION full_disk();
CREATE FUNCTION full_disk_too() RETURNS event_trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE 'could not extend file' USING ERRCODE = '53100'; END $$;
CREATE EVENT TRIGGER full_disk ON ddl_command_start WHEN TAG IN ('CREATE TABLE')
    EXECUTE FUNCTION full_disk_too();
"""
FREE_DISK = """
DROP EVENT TRIGGER full_disk;
DROP TRIGGER full_disk ON user_events;
DROP FUNCTION full_disk, full_disk_too;
"""


@pytest.fixture(scope="module")
def postgres() -> Iterator[TemporaryPostgres]:
    """A PostgreSQL for these tests alone."""
    with temporary_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def stack(postgres: TemporaryPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with one worker; every test leaves its databases healthy."""
    limits = asyncio.run(make_database(postgres, "limits"))
    with running_stack(
        tmp_path_factory.mktemp("states"),
        DATABASE_URL=postgres.url(),
        RATE_LIMIT_DATABASE_URL=limits,
    ) as stack:
        yield stack


@pytest.fixture
async def client(stack: Stack) -> AsyncIterator[Client]:
    transport = GrpcTransport(stack.url)
    yield Client(channel_over(transport))
    await transport.close()


@pytest.fixture
async def rest(stack: Stack) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=stack.url, timeout=30) as rest:
        yield rest


def put(user: User) -> dict[str, str]:
    """Return the body of PUT /event."""
    return {
        "userId": user.id,
        "password": user.password,
        "eventId": "8a6e0804-2bd0-4672-b79d-d97027f9071a",
        "encryptedEventPayload": "AAAA",
        "encryptedEventIV": "AAAAAAAAAAAAAAAAAAAAAA==",
        "expiry": "2050-01-01T00:00:00Z",
    }


async def is_healthy(rest: httpx2.AsyncClient) -> bool:
    return (await rest.get("/health")).status_code == 200


async def health_error(rest: httpx2.AsyncClient) -> tuple[str, str]:
    """Return the reason and the message of a failed health check."""
    response = await rest.get("/health")
    assert response.status_code == 503
    return response.json()["details"][0]["reason"], response.json()["message"]


@asynccontextmanager
async def read_only(url: str) -> AsyncIterator[None]:
    """Make the database at `url` read-only, as after it has become a standby."""
    connection = await asyncpg.connect(url)
    name = await connection.fetchval("SELECT current_database()")
    # With a timeout, it waits until the backends have exited: a call on a connection that is still
    # being terminated would be DATABASE_UNAVAILABLE.
    terminate = (
        "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    try:
        await connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        await connection.execute(terminate)
        yield
    finally:
        # Existing connections of the server stay read-only: it must open new ones.
        await connection.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        await connection.close()


class TestReadOnly:
    async def test_writes_fail_and_reads_succeed(
        self, postgres: TemporaryPostgres, stack: Stack, client: Client, rest: httpx2.AsyncClient
    ) -> None:
        user = await client.created_user()
        async with read_only(postgres.url()):
            reason, message = await health_error(rest)
            assert reason == "READ_ONLY" and "read-only" in message
            response = await rest.put("/event", json=put(user))
            assert (response.status_code, response.json()["details"][0]["reason"]) == (
                503,
                "READ_ONLY",
            )
            with pytest.raises(CallError) as rejected:
                await client.events.PutEvent(event_of(user))
            assert error_info(rejected.value).reason == "READ_ONLY"
            with pytest.raises(StartError, match=r"503 .*READ_ONLY"):
                await check_http(stack.address, 10)
            # Reads succeed, and the process is healthy, for a restart would not help.
            assert (await client.profile(user.id)).id == user.id
            await check(stack.address, 10)
        await eventually_true(lambda: is_healthy(rest))
        await client.events.PutEvent(event_of(user))

    async def test_database_of_rate_limits_fails_health_check(
        self, postgres: TemporaryPostgres, stack: Stack, rest: httpx2.AsyncClient
    ) -> None:
        async with read_only(postgres.url("limits")):
            assert (await health_error(rest))[0] == "READ_ONLY"
        await eventually_true(lambda: is_healthy(rest))


class TestFullDisk:
    async def test_writes_fail_and_reads_succeed(
        self, postgres: TemporaryPostgres, client: Client, rest: httpx2.AsyncClient
    ) -> None:
        user = await client.created_user()
        connection = await asyncpg.connect(postgres.url())
        await connection.execute(FILL_DISK)
        try:
            response = await rest.put("/event", json=put(user))
            assert (response.status_code, response.headers["retry-after"]) == (429, "3600")
            assert response.json()["details"][0]["reason"] == "DISK_FULL"
            with pytest.raises(CallError) as rejected:
                await client.events.PutEvent(event_of(user))
            assert error_info(rejected.value).reason == "DISK_FULL"
            for _ in range(2):
                reason, message = await health_error(rest)
                assert reason == "DISK_FULL" and "disk is full" in message
            assert (await client.profile(user.id)).id == user.id
        finally:
            await connection.execute(FREE_DISK)
            await connection.close()
        await eventually_true(lambda: is_healthy(rest))


class TestHanging:
    async def test_health_fails_within_3_seconds_and_calls_within_10(
        self, postgres: TemporaryPostgres, client: Client, rest: httpx2.AsyncClient
    ) -> None:
        user = await client.created_user()
        await eventually_true(lambda: is_healthy(rest))
        postmaster = await postmaster_of(postgres.url())

        async def seconds_of(path: str) -> float:
            started = time.monotonic()
            response = await rest.get(path)
            assert response.status_code == 503
            assert response.json()["details"][0]["reason"] == "DATABASE_UNAVAILABLE"
            return time.monotonic() - started

        with frozen(postmaster):
            # More calls than connections.
            calls = [asyncio.create_task(seconds_of(f"/user/{user.id}")) for _ in range(4)]
            assert await seconds_of("/health") < 3
            assert max(await asyncio.gather(*calls)) < 10
            started = time.monotonic()
            with pytest.raises(CallError) as rejected:
                await client.feed(event_pb2.FollowedUser(user_id=user.id, follow_secret="secret"))
            assert error_info(rejected.value).reason == "DATABASE_UNAVAILABLE"
            assert time.monotonic() - started < 10
        await eventually_true(lambda: is_healthy(rest))
