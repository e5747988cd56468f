"""A PostgreSQL for the length of a test: made in a second, durable in nothing."""

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
    """A server that runs: `url("name")` is where its database of that name is, or would be."""

    _postgres: EmbeddedPostgres

    def url(self, database: str = "gymlocker") -> str:
        """The URL of a database; the one called gymlocker exists."""
        return self._postgres.url(database)


@contextmanager
def temporary_postgres(
    settings: Mapping[str, str] | None = None,
    *,
    fill: Callable[[Path], object] = lambda _: None,
) -> Iterator[TemporaryPostgres]:
    """Runs a server of its own in a temporary folder, which is gone afterwards.

    `fill` may put a cluster into the folder that it is given; without one, an empty one is made.
    It has an event loop and a thread to itself, so that tests with and without a loop can use it.
    """
    with tempfile.TemporaryDirectory(prefix="gymlocker-test-") as folder:
        place = Path(folder) / "postgres"
        fill(place)
        server = EmbeddedPostgres(
            place,
            log=Path(folder) / "postgres.log",
            report=_nobody_asks,
            settings={**NON_DURABLE, **(settings or {})},
        )
        running = _Running(server)
        running.start()
        try:
            yield TemporaryPostgres(server)
        finally:
            running.stop()


class _Running:
    """A thread that keeps the server alive; the server dies with it, even if the test is killed."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._supervisor = Supervisor(_nobody_asks)

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


def _nobody_asks(line: str) -> None:
    """Progress of what takes a second; should it fail, the StartError says it all."""
