"""A PostgreSQL that somebody else looks after, in a process of its own.

    python -m tests.faults.elsewhere FOLDER

prints its URL and then obeys "on" and "off", a line each, answered by "done". It is a process
because a program that has called gRPC must not fork, and starting PostgreSQL does.
"""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from server.libraries.process.supervisor import Supervisor
from server.programs.local.postgres import EmbeddedPostgres

TIMEOUT_SECONDS = 60


class Elsewhere:
    """The other side of the pipe."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    @asynccontextmanager
    async def running(cls, folder: Path) -> AsyncIterator[tuple[Self, str]]:
        """A server that is on, and its URL."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", __name__, str(folder)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            server = cls(process)
            url = await server._line()
            await server.say("on")
            yield server, url
        finally:
            assert process.stdin is not None
            process.stdin.close()
            await process.wait()

    async def say(self, word: str) -> None:
        """Returns when PostgreSQL is `on`, or `off`."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n".encode())
        assert await self._line() == "done"

    async def _line(self) -> str:
        assert self._process.stdout is not None
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return (await self._process.stdout.readline()).decode().strip()


async def _obey(folder: Path) -> None:
    supervisor = Supervisor(lambda _: None)
    with EmbeddedPostgres(
        folder, log=folder.with_suffix(".log"), report=lambda _: None
    ) as postgres:
        await postgres.prepare()
        print(postgres.url(), flush=True)
        try:
            while word := (await asyncio.to_thread(sys.stdin.readline)).strip():
                if word == "on":
                    await supervisor.start(postgres.process())
                else:
                    await supervisor.stop()
                print("done", flush=True)
        finally:
            await supervisor.stop()


if __name__ == "__main__":
    asyncio.run(_obey(Path(sys.argv[1])))
