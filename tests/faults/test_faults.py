"""Something breaks under calls: clear errors, then service again, and nothing acknowledged lost."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
import psutil
import pytest
from grpc import StatusCode

from server.errors import StartError
from server.programs.diagnostics.health import check, check_http
from tests.faults import processes
from tests.faults.elsewhere import Elsewhere
from tests.faults.traffic import callers_errors, traffic
from tests.libraries.database.postmaster import frozen
from tests.support.stack import Stack, running_stack
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Gymlocker with two workers and its own PostgreSQL. Every test leaves it in good health."""
    # Few connections, so that callers queue for them.
    with own_folder() as folder, running_stack(folder, workers=2, DATABASE_POOL_SIZE="1") as stack:
        yield stack


@contextmanager
def own_folder() -> Iterator[Path]:
    """A folder for a PostgreSQL.

    Not pytest's: another pytest that starts takes away the permission to pass through it, which
    root gives to the user whom PostgreSQL runs as.
    """
    with TemporaryDirectory(prefix="gymlocker-faults-") as folder:
        yield Path(folder)


async def replaced(old: psutil.Process, find: Callable[[], psutil.Process]) -> None:
    """Returns when another process has taken the place of `old`."""

    def is_another() -> bool:
        try:
            return bool(find().pid != old.pid)
        except LookupError:
            return False

    await eventually(is_another)


async def test_a_worker_is_killed(stack: Stack) -> None:
    async with traffic(stack.url) as people:
        worker = processes.worker(stack, 0)
        worker.kill()
        await replaced(worker, lambda: processes.worker(stack, 0))
        await people.flows()
    people.errors_were_clear(StatusCode.UNAVAILABLE)


async def test_a_worker_is_asked_to_stop_and_nobody_notices(stack: Stack) -> None:
    async with traffic(stack.url) as people:
        worker = processes.worker(stack, 1)
        worker.terminate()
        await replaced(worker, lambda: processes.worker(stack, 1))
        await people.flows()
    assert [str(error) for error in people.errors] == []


async def test_envoy_is_killed(stack: Stack) -> None:
    async with traffic(stack.url) as people:
        envoy = processes.envoy(stack)
        envoy.kill()
        await people.fails()
        await replaced(envoy, lambda: processes.envoy(stack))
    people.errors_were_clear(StatusCode.UNAVAILABLE)


async def test_postgres_is_killed(stack: Stack) -> None:
    async with traffic(stack.url) as people:
        postgres = processes.postgres(stack)
        postgres.kill()
        await people.fails()
        await replaced(postgres, lambda: processes.postgres(stack))
    people.errors_were_clear(StatusCode.UNAVAILABLE)
    assert {error.message for error in callers_errors(people.over_rest)} == {
        "Try again in a moment: the database is unreachable."
    }


async def test_postgres_swallows_everything_for_a_while(stack: Stack) -> None:
    workers = [processes.worker(stack, number).pid for number in range(2)]
    # More callers than connections, so that some wait for one in vain, over gRPC and over REST.
    async with traffic(stack.url, callers=4) as people:
        with frozen(processes.postgres(stack)):
            await people.fails()
    people.errors_were_clear(StatusCode.UNAVAILABLE, StatusCode.DEADLINE_EXCEEDED)
    assert [processes.worker(stack, number).pid for number in range(2)] == workers


@pytest.fixture
def folder() -> Iterator[Path]:
    with own_folder() as folder:
        yield folder


async def test_a_postgres_of_somebody_else_is_stopped_and_started(folder: Path) -> None:
    async with Elsewhere.running(folder / "elsewhere") as (postgres, url):
        with running_stack(folder / "house", workers=2, DATABASE_URL=url) as stack:
            async with traffic(stack.url) as people, httpx2.AsyncClient(base_url=stack.url) as rest:
                assert (await rest.get("/health")).json() == {"status": "ok"}
                await postgres.say("off")
                for path in ("/health", "/v2/health"):
                    health = await rest.get(path)
                    assert health.status_code == 503
                    assert health.headers["content-type"] == "application/json"
                    assert health.json()["code"] == StatusCode.UNAVAILABLE.value[0]
                    assert health.json()["details"][0]["reason"] == "DATABASE_UNAVAILABLE"
                assert (await rest.head("/health")).status_code == 503
                # The processes serve, for a restart would not help: see `gymlocker health`.
                await check(stack.address, 10)
                with pytest.raises(StartError, match=r"503 .*DATABASE_UNAVAILABLE"):
                    await check_http(stack.address, 10)
                await people.fails()
                await postgres.say("on")
                await people.flows()
                assert (await rest.get("/health")).json() == {"status": "ok"}
            people.errors_were_clear(StatusCode.UNAVAILABLE)
