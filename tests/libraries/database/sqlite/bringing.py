"""Helpers of the tests that bring files into PostgreSQL."""

from collections.abc import Callable
from pathlib import Path

import asyncpg

from server.libraries.database.sqlite.liftlog import opened_liftlog
from server.libraries.database.sqlite.transfer import transfer
from tests.libraries.database import catalog
from tests.libraries.database.sqlite.household import TABLES


async def bring(path: Path, url: str, report: Callable[[str], None] = lambda _: None) -> list[str]:
    """Bring a file in; return the sentences for people."""
    with opened_liftlog(path) as source:
        source.check(report)
        return list((await transfer(source, url, report)).sentences())


async def everything(target: asyncpg.Connection) -> object:
    """Return all rows, with their places and transactions."""
    return await catalog.rows(target, await catalog.columns(target))


async def counts(target: asyncpg.Connection) -> dict[str, int]:
    """Return the number of rows of each table."""
    return {
        table: await target.fetchval(f"SELECT count(*) FROM {table}")
        for table in (*TABLES, "user_event_clocks")
    }
