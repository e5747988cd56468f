"""The watchers of the examples: against a stack, with connections cut and processes killed."""

import asyncio
import os
import re
import signal
import sys
from base64 import b64encode
from collections.abc import AsyncIterator
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

SECRETS = OLD, NEW = ("old-secret-of-ada", "new-secret-of-ada")
TIMEOUT = 120
# Part of a first page of five events: some come whole, and its cursor is not among them.
LARGE, PART = 14_000, 35_000


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
        """Run the command with both secrets, addresses and files replaced; kill it at the end."""
        command = self._with_all_secrets(user_id)
        for written, here in (
            ("127.0.0.1:8080", url.removeprefix("http://")),
            (self.copy.name, str(self.copy)),
        ):
            assert command.count(written) == 1
            command = command.replace(written, here)
        process = await asyncio.create_subprocess_exec(
            *("bash", "-euo", "pipefail", "-c", command),
            cwd=self.folder,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
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

    def _with_all_secrets(self, user_id: str) -> str:
        """Return the command with an entry for each secret in the place of the one that it has."""

        def entries(written: re.Match[str]) -> str:
            entry = written[0].replace("$USER_ID", user_id)
            return " ".join(entry.replace("$FOLLOW_SECRET", secret) for secret in SECRETS)

        quote = '("?)'
        pattern = rf"{quote}\$USER_ID\1 {quote}\$FOLLOW_SECRET\2"
        command, number = re.subn(pattern, entries, self.command)
        assert number == 1
        return command

    def has_exactly(self, feed: "Feed") -> bool:
        """Check whether the file contains the payloads of the events that are there, alone."""
        text = self.copy.read_text() if self.copy.exists() else ""
        return all(payload in text for payload in feed.payloads.values()) and not any(
            payload in text for payload in feed.deleted
        )


@dataclass
class Feed:
    """Ada's events: their payloads as they are in a file, by id, and those of deleted events."""

    ada: Person
    payloads: dict[str, str] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)

    async def publish(self, text: bytes) -> str:
        """Publish an event, and return its id."""
        event_id = new_event_id()
        request = await self.ada.publish(event_id, text)
        self.payloads[event_id] = b64encode(request.encrypted_event_payload).decode()
        return event_id

    async def retract(self, event_id: str) -> None:
        """Delete an event."""
        await self.ada.retract(event_id)
        self.deleted.append(self.payloads.pop(event_id))


async def check(watcher: Watcher, stack: Stack) -> None:
    """Watch through cuts, a kill and deletions, until both secrets are revoked."""
    transport, proxy = GrpcTransport(stack.url), CuttingProxy(stack.port)
    ada = await Person.create("Ada", Phone(transport))
    for secret in SECRETS:
        await ada.grant(secret)
    feed = Feed(ada)
    for _ in range(5):
        await feed.publish(bytes(LARGE))
    proxy.budget = PART
    proxy.may_cut.clear()
    async with proxy.running() as url:
        async with watcher.running(url, ada.user_id) as output:
            await cut_before_first_cursor(watcher, feed, proxy, output)
            await cut_after_cursor(watcher, feed, proxy, output)
        # It was killed.
        last = await feed.publish(b"last")
        async with watcher.running(url, ada.user_id) as output:
            await output.read_until("caught up")
            events = [line for line in output.lines if "event " in line]
            assert len(events) == 1 and last in events[0]
            await revoke_one_by_one(watcher, feed, output)
    assert proxy.cuts >= 2
    await ada.delete_account()
    await transport.close()


async def cut_before_first_cursor(
    watcher: Watcher, feed: Feed, proxy: CuttingProxy, output: Output
) -> None:
    """Delete an event that came before the connection broke, without a cursor."""
    first = next(iter(feed.payloads))
    await output.read_until(f"event {first}")
    await feed.retract(first)
    proxy.budget = None
    proxy.may_cut.set()
    await output.read_until("caught up")
    assert any("reconnecting: " in line for line in output.lines)
    assert watcher.has_exactly(feed)


async def cut_after_cursor(
    watcher: Watcher, feed: Feed, proxy: CuttingProxy, output: Output
) -> None:
    """Cut the connection in the middle of an event, and delete one that has a cursor."""
    first = await feed.publish(b"first")
    await output.read_until(f"event {first}")
    output.lines.clear()
    proxy.budget = 40
    second = await feed.publish(b"second")
    await output.read_until("reconnecting: ")
    proxy.budget = None
    await output.read_until(f"event {second}")
    await feed.retract(first)
    await output.read_until(f"deleted {first}")
    await eventually(lambda: watcher.has_exactly(feed))


async def revoke_one_by_one(watcher: Watcher, feed: Feed, output: Output) -> None:
    """Revoke the old secret, which keeps the copy, and then the new one, which removes it."""
    await feed.ada.revoke(OLD)
    await output.read_until("invalid secret of ")
    assert watcher.has_exactly(feed)
    event = await feed.publish(b"by the new secret")
    await output.read_until(f"event {event}")
    await eventually(lambda: watcher.has_exactly(feed))
    await feed.ada.revoke(NEW)
    await output.read_until("ended: NOTHING_TO_WATCH")
    assert await asyncio.wait_for(output.process.wait(), TIMEOUT) == 0
    text = watcher.copy.read_text()
    assert not any(payload in text for payload in feed.payloads.values())


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
