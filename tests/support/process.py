"""Processes of tests that end in any case."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import AnyStr

STOP_TIMEOUT = 30


@contextmanager
def killed_on_error(process: subprocess.Popen[AnyStr]) -> Iterator[subprocess.Popen[AnyStr]]:
    """Wait for the end of a process, and kill it first if the context raises an error.

    The context of a process itself would wait without a limit, also after the test's timeout.
    """
    with process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise


async def ended(process: asyncio.subprocess.Process) -> None:
    """Wait for the end of a process that has been told to stop; kill it if it takes too long."""
    try:
        async with asyncio.timeout(STOP_TIMEOUT):
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
