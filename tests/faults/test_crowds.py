"""One address that takes all it can get, and somebody at another one."""

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

SHARE = 4
GREEDY, HONEST = "127.0.0.31", "127.0.0.32"
TIMEOUT = 20.0
# What nobody publishes, in tables that the test leaves alone.
FEED = {"users": [{"userId": str(UUID(int=0)), "followSecret": "none"}]}


@pytest.fixture(scope="module")
def url(postgres: TemporaryPostgres) -> str:
    """The database of a Gymlocker whose addresses have small shares."""
    return asyncio.run(make_database(postgres, "crowds"))


@pytest.fixture(scope="module")
def crowded(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Gymlocker with one worker, in which no address has more than SHARE calls in flight."""
    folder = tmp_path_factory.mktemp("crowds")
    with running_stack(folder, DATABASE_URL=url, CALLS_PER_ADDRESS=str(SHARE)) as stack:
        yield stack


@asynccontextmanager
async def at(address: str, stack: Stack) -> AsyncIterator[httpx2.AsyncClient]:
    """Somebody who calls from an address of this machine."""
    transport = httpx2.AsyncHTTPTransport(local_address=address, verify=False)
    async with httpx2.AsyncClient(
        base_url=stack.url, transport=transport, timeout=TIMEOUT
    ) as client:
        yield client


async def test_an_address_that_waits_for_many_calls_keeps_nobody_else_out(
    crowded: Stack, url: str
) -> None:
    connection = await asyncpg.connect(url)
    try:
        async with at(GREEDY, crowded) as greedy, at(HONEST, crowded) as honest:
            async with connection.transaction():
                await connection.execute("LOCK TABLE users")
                calls = [
                    asyncio.create_task(greedy.get(f"/user/nobody{number}"))
                    for number in range(SHARE + 1)
                ]
                done, waiting = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
                [refused] = [call.result() for call in done]
                assert refused.status_code == 429
                assert refused.headers["retry-after"] == "1"
                assert refused.json()["details"][0]["reason"] == "TOO_MANY_CALLS"
                assert (await greedy.get("/health")).status_code == 200
                assert (await honest.post("/events", json=FEED)).status_code == 200
            for call in waiting:
                assert (await call).status_code == 404
            assert (await greedy.get("/user/nobody")).status_code == 404
    finally:
        await connection.close()


@pytest.mark.parametrize("shape", [("-c100", "-m100"), ("--h1", "-c500")], ids=["http2", "http1"])
async def test_who_calls_as_fast_as_they_can_keeps_nobody_else_waiting(
    stack: Stack, shape: tuple[str, ...]
) -> None:
    require("h2load")
    async with at(HONEST, stack) as honest:
        user_id = (await honest.post("/user/create", json={})).json()["id"]
        path = f"/user/{user_id}"
        command = ("h2load", *shape, "-t1", "-D4", stack.url + path)
        flood = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        answers = []
        while flood.returncode is None:
            answers.append((await honest.get(path)).status_code)
            # Lets the loop see that the flood is over.
            await asyncio.sleep(0)
    assert answers
    assert set(answers) == {200}
