"""Ill-treats a PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import asyncpg
import psutil


async def postmaster_of(url: str) -> psutil.Process:
    """The process from which all of a server's processes descend."""
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
    """Stops all processes of a server: it takes connections and bytes, and answers nothing."""
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
