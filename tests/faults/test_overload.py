"""Callers from one address that exhaust their limits, and a caller from another address."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import httpx2
import pytest

from server.programs.local.temporary_postgres import TemporaryPostgres
from tests.libraries.database.conftest import make_database
from tests.support.stack import Stack, running_stack
from tests.support.tools import require

pytestmark = pytest.mark.extended

SHARE = 4
BUSY_ADDRESS, OTHER_ADDRESS = "127.0.0.31", "127.0.0.32"
TIMEOUT = 20.0
# An empty result, from tables that the test does not lock.
FEED = {"users": [{"userId": str(UUID(int=0)), "followSecret": "none"}]}


@pytest.fixture(scope="module")
def url(postgres: TemporaryPostgres) -> str:
    """The database of a stack with low limits for an address."""
    return asyncio.run(make_database(postgres, "crowds"))


@pytest.fixture(scope="module")
def limited_stack(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with one worker, and up to SHARE calls in flight for each address."""
    folder = tmp_path_factory.mktemp("crowds")
    with running_stack(folder, DATABASE_URL=url, CALLS_PER_ADDRESS=str(SHARE)) as stack:
        yield stack


@asynccontextmanager
async def at(address: str, stack: Stack) -> AsyncIterator[httpx2.AsyncClient]:
    """Yield a client that calls from an address of this machine."""
    transport = httpx2.AsyncHTTPTransport(local_address=address, verify=False)
    async with httpx2.AsyncClient(
        base_url=stack.url, transport=transport, timeout=TIMEOUT
    ) as client:
        yield client


async def test_calls_in_flight_of_one_address_do_not_block_another(
    limited_stack: Stack, url: str
) -> None:
    connection = await asyncpg.connect(url)
    try:
        async with (
            at(BUSY_ADDRESS, limited_stack) as busy,
            at(OTHER_ADDRESS, limited_stack) as other,
        ):
            async with connection.transaction():
                await connection.execute("LOCK TABLE users")
                calls = [
                    asyncio.create_task(busy.get(f"/user/unknown{number}"))
                    for number in range(SHARE + 1)
                ]
                done, waiting = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
                [rejected] = [call.result() for call in done]
                assert rejected.status_code == 429
                assert rejected.headers["retry-after"] == "1"
                assert rejected.json()["details"][0]["reason"] == "TOO_MANY_CALLS"
                assert (await busy.get("/health")).status_code == 200
                assert (await other.post("/events", json=FEED)).status_code == 200
            for call in waiting:
                assert (await call).status_code == 404
            assert (await busy.get("/user/unknown")).status_code == 404
    finally:
        await connection.close()


@pytest.mark.parametrize("shape", [("-c100", "-m100"), ("--h1", "-c500")], ids=["http2", "http1"])
async def test_flood_of_one_address_does_not_block_another(
    stack: Stack, shape: tuple[str, ...]
) -> None:
    require("h2load")
    async with at(OTHER_ADDRESS, stack) as other:
        user_id = (await other.post("/user/create", json={})).json()["id"]
        path = f"/user/{user_id}"
        command = ("h2load", *shape, "-t1", "-D4", stack.url + path)
        flood = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        rejected, answered = [], 0
        while flood.returncode is None:
            reply = await other.get(path)
            answered += reply.status_code == 200
            if reply.status_code != 200:
                rejected.append(reply.text)
            # Yield, so that the loop can notice the end of the flood.
            await asyncio.sleep(0)
    assert rejected == []
    assert answered
