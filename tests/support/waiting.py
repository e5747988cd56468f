"""Waiting without sleeping for luck, and finding out what still runs."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil

# Only a test that fails waits for so long; the machine may have much else to do.
TIMEOUT = 60.0


async def eventually(condition: Callable[[], bool], seconds: float = TIMEOUT) -> None:
    """Returns when `condition` holds; fails if it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


async def eventually_true(
    condition: Callable[[], Awaitable[bool]], seconds: float = TIMEOUT
) -> None:
    """As `eventually`, for a condition that must be awaited."""
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


def wait_until(condition: Callable[[], bool], seconds: float = TIMEOUT) -> None:
    """As `eventually`, for tests without an event loop."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def processes_of(folder: Path) -> list[psutil.Process]:
    """All processes that have `folder` in their command line, or as their working directory."""
    place = str(folder)
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), process.cwd(), process.environ().get("DATABASE_URL", "")]
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if process.pid != psutil.Process().pid and any(place in word for word in words):
            found.append(process)
    return found
