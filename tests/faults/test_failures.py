"""Processes that fail under load: clear errors, recovery, and no acknowledged data lost."""

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
from tests.faults.external_postgres import ExternalPostgres
from tests.faults.traffic import callers_errors, traffic
from tests.libraries.database.postmaster import frozen
from tests.support.stack import Stack, running_stack
from tests.support.waiting import eventually

pytestmark = pytest.mark.extended


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A stack with two workers and its own PostgreSQL; every test leaves it healthy."""
    # One connection for each worker, so that callers queue for it.
    with own_folder() as folder, running_stack(folder, workers=2, DATABASE_POOL_SIZE="1") as stack:
        yield stack


@contextmanager
def own_folder() -> Iterator[Path]:
    """Create a folder for a PostgreSQL outside of pytest's.

    Another pytest that starts resets the permissions of pytest's folder, through which the user of
    PostgreSQL must pass if root runs the tests.
    """
    with TemporaryDirectory(prefix="gymlocker-faults-") as folder:
        yield Path(folder)


async def replaced(old: psutil.Process, find: Callable[[], psutil.Process]) -> None:
    """Wait until another process has replaced `old`."""

    def is_another() -> bool:
        try:
            return bool(find().pid != old.pid)
        except LookupError:
            return False

    await eventually(is_another)


class TestWorker:
    async def test_kill_is_unavailable_until_restart(self, stack: Stack) -> None:
        async with traffic(stack.url) as users:
            worker = processes.worker(stack, 0)
            worker.kill()
            await replaced(worker, lambda: processes.worker(stack, 0))
            await users.until_success()
        users.require_clear_errors(StatusCode.UNAVAILABLE)

    async def test_graceful_stop_causes_no_error(self, stack: Stack) -> None:
        async with traffic(stack.url) as users:
            worker = processes.worker(stack, 1)
            worker.terminate()
            await replaced(worker, lambda: processes.worker(stack, 1))
            await users.until_success()
        assert [str(error) for error in users.errors] == []


class TestEnvoy:
    async def test_kill_is_unavailable_until_restart(self, stack: Stack) -> None:
        async with traffic(stack.url) as users:
            envoy = processes.envoy(stack)
            envoy.kill()
            await users.until_failure()
            await replaced(envoy, lambda: processes.envoy(stack))
        users.require_clear_errors(StatusCode.UNAVAILABLE)


@pytest.fixture
def folder() -> Iterator[Path]:
    with own_folder() as folder:
        yield folder


class TestPostgres:
    async def test_kill_is_unavailable_until_restart(self, stack: Stack) -> None:
        async with traffic(stack.url) as users:
            postgres = processes.postgres(stack)
            postgres.kill()
            await users.until_failure()
            await replaced(postgres, lambda: processes.postgres(stack))
        users.require_clear_errors(StatusCode.UNAVAILABLE)
        assert {error.message for error in callers_errors(users.over_rest)} == {
            "Try again in a moment: the database is unreachable."
        }

    async def test_freeze_is_unavailable_until_resumed(self, stack: Stack) -> None:
        workers = [processes.worker(stack, number).pid for number in range(2)]
        # More callers than connections, so that some time out while they wait for one.
        async with traffic(stack.url, callers=4) as users:
            with frozen(processes.postgres(stack)):
                await users.until_failure()
        users.require_clear_errors(StatusCode.UNAVAILABLE, StatusCode.DEADLINE_EXCEEDED)
        assert [processes.worker(stack, number).pid for number in range(2)] == workers

    async def test_external_server_is_unavailable_until_started(self, folder: Path) -> None:
        async with ExternalPostgres.running(folder / "external") as (postgres, url):
            with running_stack(folder / "stack", workers=2, DATABASE_URL=url) as stack:
                async with (
                    traffic(stack.url) as users,
                    httpx2.AsyncClient(base_url=stack.url) as rest,
                ):
                    assert (await rest.get("/health")).json() == {"status": "ok"}
                    await postgres.switch("off")
                    for path in ("/health", "/v2/health"):
                        health = await rest.get(path)
                        assert health.status_code == 503
                        assert health.headers["content-type"] == "application/json"
                        assert health.json()["code"] == StatusCode.UNAVAILABLE.value[0]
                        assert health.json()["details"][0]["reason"] == "DATABASE_UNAVAILABLE"
                    assert (await rest.head("/health")).status_code == 503
                    # The processes are healthy, for a restart would not help.
                    await check(stack.address, 10)
                    with pytest.raises(StartError, match=r"503 .*DATABASE_UNAVAILABLE"):
                        await check_http(stack.address, 10)
                    await users.until_failure()
                    await postgres.switch("on")
                    await users.until_success()
                    assert (await rest.get("/health")).json() == {"status": "ok"}
                users.require_clear_errors(StatusCode.UNAVAILABLE)
