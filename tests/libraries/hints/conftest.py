"""Hints in use, and databases for them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from server.libraries.database.pool import Database
from server.libraries.hints.hints import Hints
from tests.support.tools import require


@asynccontextmanager
async def running(*every: Hints) -> AsyncIterator[None]:
    """Run the jobs of `every`."""
    tasks = [asyncio.create_task(job()) for hints in every for job in hints.background()]
    try:
        yield
        assert not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def pool(empty_database: str) -> AsyncIterator[Database]:
    """A pool of connections to `empty_database`."""
    async with Database(empty_database, pool_size=4) as database:
        yield database


@pytest.fixture
def pgbouncer_folder() -> Iterator[Path]:
    """A folder for PgBouncer, which runs as another user and must not use pytest's folder."""
    require("pgbouncer")
    with TemporaryDirectory(prefix="gymlocker-pgbouncer-") as folder:
        yield Path(folder)
