"""The watchers of the examples: against a stack, with connections cut and processes killed."""

import asyncio
import os
import signal
import sys
from base64 import b64encode
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from server.libraries.common.paths import ROOT
from server.programs.demo.person import Person, Phone, new_event_id
from server.programs.demo.transport import GrpcTransport
from tests.examples.built import built, commands
from tests.faults.cutting_proxy import CuttingProxy
from tests.support.stack import Stack
from tests.support.tools import require
from tests.support.waiting import eventually

# The first build downloads the dependencies of npm and Maven.
pytestmark = [pytest.mark.extended, pytest.mark.timeout(600)]

SECRET = "secret-of-ada"
TIMEOUT = 120


@dataclass
class Output:
    """A running watcher and the lines that it has printed."""

    process: asyncio.subprocess.Process
    lines: list[str] = field(default_factory=list)

    async def read_until(self, text: str) -> None:
        """Read until a line contains the text."""
        assert self.process.stdout
        async with asyncio.timeout(TIMEOUT):
            while not any(text in line for line in self.lines):
                line = (await self.process.stdout.readline()).decode()
                assert line, self.lines
                self.lines.append(line)


@dataclass
class Watcher:
    """The command that watches, the folder to run it in, and its file."""

    command: str
    folder: Path
    copy: Path

    @asynccontextmanager
    async def running(self, url: str, user_id: str) -> AsyncIterator[Output]:
        """Run the command with its addresses and files replaced; kill it at the end."""
        command = self.command
        for written, here in (
            ("127.0.0.1:8080", url.removeprefix("http://")),
            (self.copy.name, str(self.copy)),
        ):
            assert command.count(written) == 1
            command = command.replace(written, here)
        process = await asyncio.create_subprocess_exec(
            *("bash", "-euo", "pipefail", "-c", command),
            cwd=self.folder,
            env={
                **os.environ,
                "USER_ID": user_id,
                "FOLLOW_SECRET": SECRET,
                "PYTHONUNBUFFERED": "1",
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield Output(process)
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()

    def has_exactly(self, stored: Iterable[str], lost: str = "") -> bool:
        """Check whether the file contains the payloads `stored`, and not `lost`."""
        text = self.copy.read_text() if self.copy.exists() else ""
        return all(payload in text for payload in stored) and (not lost or lost not in text)


async def publish(ada: Person, event_id: str, text: bytes) -> str:
    """Publish an event; return the payload as it is in the file."""
    request = await ada.publish(event_id, text)
    return b64encode(request.encrypted_event_payload).decode()


async def check(watcher: Watcher, stack: Stack) -> None:
    """Watch through cuts, kills and deletions, until the secret is revoked."""
    transport, proxy = GrpcTransport(stack.url), CuttingProxy(stack.port)
    ada = await Person.create("Ada", Phone(transport))
    await ada.grant(SECRET)
    first, second, third, fourth = (new_event_id() for _ in range(4))
    lost = await publish(ada, first, b"1")
    async with proxy.running() as url:
        async with watcher.running(url, ada.user_id) as output:
            await output.read_until("caught up")
            assert any(f"event {first}" in line for line in output.lines)
            kept = [await publish(ada, second, b"2")]
            await output.read_until(f"event {second}")
            # The connection breaks in the middle of what comes next.
            proxy.budget = 40
            kept.append(await publish(ada, third, b"3"))
            await output.read_until("reconnecting: ")
            proxy.budget = None
            await output.read_until(f"event {third}")
            await ada.retract(first)
            await output.read_until(f"deleted {first}")
            await eventually(lambda: watcher.has_exactly(kept, lost))
        # It was killed.
        kept.append(await publish(ada, fourth, b"4"))
        async with watcher.running(url, ada.user_id) as output:
            await output.read_until("caught up")
            events = [line for line in output.lines if "event " in line]
            assert len(events) == 1 and fourth in events[0]
            await eventually(lambda: watcher.has_exactly(kept, lost))
            await ada.revoke(SECRET)
            await output.read_until("ended: NOTHING_TO_WATCH")
            assert await asyncio.wait_for(output.process.wait(), TIMEOUT) == 0
            assert not any(watcher.has_exactly([payload]) for payload in kept)
    assert proxy.cuts >= 1
    await ada.delete_account()
    await transport.close()


async def test_python(stack: Stack, tmp_path: Path) -> None:
    command, _, _ = commands("Watching")
    command = command.replace("uv run python", sys.executable)
    await check(Watcher(command, ROOT, tmp_path / "copy.json"), stack)


async def test_typescript(stack: Stack, tmp_path: Path) -> None:
    require("node", "npm")
    build, _ = commands("TypeScript")
    _, command, _ = commands("Watching")
    await check(Watcher(command, built("typescript", build), tmp_path / "copy.json"), stack)


async def test_kotlin(stack: Stack, tmp_path: Path) -> None:
    require("mvn", "javac")
    build, _ = commands("Kotlin")
    _, _, command = commands("Watching")
    await check(Watcher(command, built("kotlin", build), tmp_path / "copy.txt"), stack)
