"""Processes of PostgreSQL left by a `gymlocker up` that was killed.

The caller holds the lock of the data folder, so no other process needs them.
"""

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from server.libraries.process.supervisor import Report

if TYPE_CHECKING:
    import psutil


TIMEOUT = 20.0
POLL = 0.1


async def end(data: Path, report: Report) -> None:
    """End the processes on the cluster in `data`, and remove the mark of a running server."""
    orphans = _running_on(data)
    if orphans:
        report("an earlier PostgreSQL is still stopping; waiting for it")
        _stop_postmaster(orphans, data)
        await _wait_for_exit(TIMEOUT, data)
        for process in _running_on(data):
            process.kill()
        await _wait_for_exit(TIMEOUT, data)
    # PostgreSQL removes a stale mark itself, but not if its process id belongs to another program
    # by now, as is usual in containers.
    (data / "postmaster.pid").unlink(missing_ok=True)


async def _wait_for_exit(seconds: float, data: Path) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while _running_on(data) and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(POLL)


def _stop_postmaster(orphans: list["psutil.Process"], data: Path) -> None:
    """Signal the postmaster, if it is alive. Its children must not get this signal."""
    try:
        postmaster = int((data / "postmaster.pid").read_text().split()[0])
    except (FileNotFoundError, IndexError, ValueError):
        return
    for process in orphans:
        if process.pid == postmaster:
            process.send_signal(signal.SIGINT)


def _running_on(data: Path) -> list["psutil.Process"]:
    """Return PostgreSQL's processes whose working directory is the cluster."""
    import psutil  # installed with the wheel of PostgreSQL, which is optional

    place = str(data.resolve())
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == place and process.name().startswith("postgres"):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found
