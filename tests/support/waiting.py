"""Polling with a deadline, and finding processes."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil

# Long enough for a busy machine; only failing tests wait so long.
TIMEOUT = 60.0


async def eventually(condition: Callable[[], bool], seconds: float = TIMEOUT) -> None:
    """Wait until `condition` holds; fail if it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not hold in time"
        await asyncio.sleep(0.02)


async def eventually_true(
    condition: Callable[[], Awaitable[bool]], seconds: float = TIMEOUT
) -> None:
    """Wait like `eventually`, for an asynchronous condition."""
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, "the condition did not hold in time"
        await asyncio.sleep(0.02)


def wait_until(condition: Callable[[], bool], seconds: float = TIMEOUT) -> None:
    """Wait like `eventually`, without an event loop."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not hold in time"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Check whether a process runs; a zombie does not count."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def processes_of(folder: Path) -> list[psutil.Process]:
    """Find the processes with `folder` in their command line, working directory or DATABASE_URL."""
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
