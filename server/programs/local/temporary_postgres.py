"""Temporary PostgreSQL for tests; durability is off."""

import asyncio
import tempfile
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from server.libraries.process.supervisor import Supervisor
from server.programs.local.postgres import NON_DURABLE, EmbeddedPostgres


@dataclass(frozen=True)
class TemporaryPostgres:
    """A running server. `url("name")` need not name a database that exists."""

    _postgres: EmbeddedPostgres

    def url(self, database: str = "gymlocker") -> str:
        """Return the URL of a database; `gymlocker` exists from the start."""
        return self._postgres.url(database)


@contextmanager
def temporary_postgres(
    settings: Mapping[str, str] | None = None,
    *,
    fill: Callable[[Path], object] = lambda _: None,
) -> Iterator[TemporaryPostgres]:
    """Run a server in a temporary folder, which is removed afterwards.

    `fill` may put a cluster into the folder that it is given; by default an empty one is created.
    The server has its own thread and event loop, so that tests with and without a loop can use it.
    """
    with tempfile.TemporaryDirectory(prefix="gymlocker-test-") as folder:
        place = Path(folder) / "postgres"
        fill(place)
        server = EmbeddedPostgres(
            place,
            log=Path(folder) / "postgres.log",
            report=_discard,
            settings={**NON_DURABLE, **(settings or {})},
        )
        running = _Running(server)
        running.start()
        try:
            yield TemporaryPostgres(server)
        finally:
            running.stop()


class _Running:
    """A thread that supervises the server, which ends with it, even if the test is killed."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._supervisor = Supervisor(_discard)

    def start(self) -> None:
        self._thread.start()
        try:
            self._run(self._start())
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, step: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(step, self._loop).result()

    async def _start(self) -> None:
        await self._server.prepare()
        await self._supervisor.start(self._server.process())

    async def _stop(self) -> None:
        self._supervisor.force_stop()
        await self._supervisor.stop()
        self._server.__exit__(None, None, None)


def _discard(line: str) -> None:
    """Discard progress: the start takes a second, and a StartError contains the cause."""
