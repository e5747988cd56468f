"""A PostgreSQL outside of the stack, controlled by a separate process.

    python -m tests.faults.external_postgres FOLDER

prints its URL, reads the commands "on" and "off" line by line, and prints "done" after each.
It is a separate process, for a program that has used gRPC must not fork to start PostgreSQL.
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
from tests.support.process import ended

TIMEOUT = 60


class ExternalPostgres:
    """The controlling side of the pipe."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    @asynccontextmanager
    async def running(cls, folder: Path) -> AsyncIterator[tuple[Self, str]]:
        """Run a server; yield it and its URL."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", __name__, str(folder)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            server = cls(process)
            url = await server._read_line()
            await server.switch("on")
            yield server, url
        finally:
            assert process.stdin is not None
            process.stdin.close()
            await ended(process)

    async def switch(self, state: str) -> None:
        """Start PostgreSQL with `on`, or stop it with `off`."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{state}\n".encode())
        assert await self._read_line() == "done"

    async def _read_line(self) -> str:
        assert self._process.stdout is not None
        async with asyncio.timeout(TIMEOUT):
            return (await self._process.stdout.readline()).decode().strip()


async def _serve(folder: Path) -> None:
    supervisor = Supervisor(lambda _: None)
    with EmbeddedPostgres(
        folder, log=folder.with_suffix(".log"), report=lambda _: None
    ) as postgres:
        await postgres.prepare()
        print(postgres.url(), flush=True)
        try:
            while state := (await asyncio.to_thread(sys.stdin.readline)).strip():
                if state == "on":
                    await supervisor.start(postgres.process())
                else:
                    await supervisor.stop()
                print("done", flush=True)
        finally:
            await supervisor.stop()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
