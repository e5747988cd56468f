"""What an earlier PostgreSQL left behind, when `gymlocker up` itself was killed.

The caller holds the lock of the data folder, so nobody needs what still runs on it.
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
    """Returns when nothing runs on the cluster in `data` and nothing marks it as running."""
    left = _running_on(data)
    if left:
        report("an earlier PostgreSQL is still stopping; waiting for it")
        _ask_to_stop(left, data)
        await _gone_within(TIMEOUT, data)
        for process in _running_on(data):
            process.kill()
        await _gone_within(TIMEOUT, data)
    # PostgreSQL forgets a dead one's mark itself, but not when another program has its process id
    # by now, as is usual in containers.
    (data / "postmaster.pid").unlink(missing_ok=True)


async def _gone_within(seconds: float, data: Path) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while _running_on(data) and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(POLL)


def _ask_to_stop(left: list["psutil.Process"], data: Path) -> None:
    """Tells the first process, if it lives. Its children must not get this signal."""
    try:
        first = int((data / "postmaster.pid").read_text().split()[0])
    except (FileNotFoundError, IndexError, ValueError):
        return
    for process in left:
        if process.pid == first:
            process.send_signal(signal.SIGINT)


def _running_on(data: Path) -> list["psutil.Process"]:
    """PostgreSQL's processes on this cluster: its data folder is their working directory."""
    import psutil  # comes with the wheel of PostgreSQL, which is optional

    place = str(data.resolve())
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == place and process.name().startswith("postgres"):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found
