"""The app: Microsoft's SignalR client in a process of its own, under Node."""

import asyncio
import getpass
import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PATIENCE = 20


def installed() -> Path:
    """The package.json beside which the client is installed, once for each lock file."""
    lock = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"gymlocker-signalr-{getpass.getuser()}-{lock}"
    if not folder.is_dir():
        with tempfile.TemporaryDirectory(prefix="gymlocker-signalr-") as name:
            fresh = Path(name) / "client"
            fresh.mkdir()
            for file in ("package.json", "package-lock.json"):
                shutil.copy(HERE / file, fresh)
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            subprocess.run(command, cwd=fresh, check=True, capture_output=True, timeout=100)
            try:
                fresh.rename(folder)
            except OSError:
                assert folder.is_dir()  # another process was faster
    return folder / "package.json"


class App:
    """A client's process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self, within: float = PATIENCE) -> str:
        """The next line that it prints."""
        assert self._process.stdout
        async with asyncio.timeout(within):
            return (await self._process.stdout.readline()).decode().strip()

    async def result(self, within: float = PATIENCE) -> dict[str, Any]:
        """What it found out."""
        found: dict[str, Any] = json.loads(await self.line(within))
        return found

    def go_on(self) -> None:
        """Tells it to."""
        assert self._process.stdin
        self._process.stdin.write(b"\n")


@asynccontextmanager
async def running(modules: Path, url: str, scenario: str, *arguments: object) -> AsyncIterator[App]:
    """Runs a scenario."""
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
