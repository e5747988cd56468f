"""The main process of a PostgreSQL, and suspending it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import asyncpg
import psutil


async def postmaster_of(url: str) -> psutil.Process:
    """Return the parent of all processes of a server."""
    connection = await asyncpg.connect(url)
    try:
        backend = psutil.Process(await connection.fetchval("SELECT pg_backend_pid()"))
        parent = backend.parent()
        assert parent is not None
        return parent
    finally:
        await connection.close()


@contextmanager
def frozen(postmaster: psutil.Process) -> Iterator[None]:
    """Suspend all processes of a server: it accepts connections and bytes, but never responds."""
    postmaster.suspend()
    processes = [postmaster, *postmaster.children()]
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.suspend()
    try:
        yield
    finally:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.resume()
