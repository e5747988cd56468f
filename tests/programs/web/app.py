"""An app: Microsoft's SignalR client in a Node process."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support import npm

HERE = Path(__file__).parent
TIMEOUT = 20


def installed() -> Path:
    """Return the package.json next to which the client is installed."""
    return npm.installed(HERE, "signalr").parent / "package.json"


class App:
    """A process with a client."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self, within: float = TIMEOUT) -> str:
        """Return the next line of output."""
        assert self._process.stdout
        async with asyncio.timeout(within):
            return (await self._process.stdout.readline()).decode().strip()

    async def result(self, within: float = TIMEOUT) -> dict[str, Any]:
        """Return the result of the scenario."""
        found: dict[str, Any] = json.loads(await self.line(within))
        return found

    def proceed(self) -> None:
        """Tell the scenario to continue."""
        assert self._process.stdin
        self._process.stdin.write(b"\n")


@asynccontextmanager
async def running(modules: Path, url: str, scenario: str, *arguments: object) -> AsyncIterator[App]:
    """Run a scenario."""
    process = await asyncio.create_subprocess_exec(
        *("node", str(HERE / "signalr.mjs"), str(modules), url, scenario),
        *(str(argument) for argument in arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        yield App(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
