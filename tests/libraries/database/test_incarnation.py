"""The identity of a database.

How replaced databases are recognized: tests/faults/test_replaced_database.py.
"""

import asyncio
from contextvars import ContextVar
from typing import Any, cast

import asyncpg
import pytest

from server.errors import Unavailable
from server.libraries.database.incarnation import IncarnationSource
from server.libraries.database.migrations import migrate
from server.libraries.database.pool import Database

ROLE = "reader_of_the_identity"


@pytest.fixture
async def migrated(empty_database: str) -> str:
    await migrate(empty_database, None, lambda _: None)
    return empty_database


async def identity(url: str) -> bytes:
    async with Database(url, pool_size=1) as database:
        return (await IncarnationSource(database).get()).id


_caller = ContextVar("_caller", default="nobody")


class HangingDatabase:
    """A database that answers nothing until `ended`, and then fails."""

    def __init__(self) -> None:
        self.callers: list[str] = []
        self.asked = asyncio.Event()
        self.ended = asyncio.Event()

    async def fetch_one(self, *_: Any) -> None:
        self.callers.append(_caller.get())
        self.asked.set()
        await self.ended.wait()
        raise Unavailable("Try again.", reason="DATABASE_UNAVAILABLE")


class TestIncarnationSource:
    async def test_shares_a_read_and_its_error(self) -> None:
        database = HangingDatabase()
        source = IncarnationSource(cast(Database, database))
        _caller.set("a busy network")
        waiting = [asyncio.create_task(source.get()) for _ in range(5)]
        await database.asked.wait()
        waiting[0].cancel()
        database.ended.set()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(each) for each in results] == [asyncio.CancelledError, *[Unavailable] * 4]
        # In no caller's turn.
        assert database.callers == ["nobody"]
        with pytest.raises(Unavailable):
            await source.get()
        assert len(database.callers) == 2

    async def test_is_unavailable_during_a_restore(self, migrated: str) -> None:
        connection = await asyncpg.connect(migrated)
        await connection.execute("DELETE FROM incarnations")
        await connection.close()
        with pytest.raises(Unavailable, match="is empty"):
            await identity(migrated)

    async def test_returns_the_stored_identity_each_time(self, migrated: str) -> None:
        assert await identity(migrated) == await identity(migrated)

    async def test_returns_another_one_after_a_snapshot(self, migrated: str) -> None:
        before = await identity(migrated)
        connection = await asyncpg.connect(migrated)
        # As docs/backup-and-restore.md says.
        await connection.execute("UPDATE incarnations SET id = gen_random_uuid()")
        await connection.close()
        assert await identity(migrated) != before

    async def test_needs_no_superuser(self, migrated: str) -> None:
        connection = await asyncpg.connect(migrated)
        await connection.execute(f"DROP ROLE IF EXISTS {ROLE}; CREATE ROLE {ROLE} LOGIN")
        await connection.execute(f"GRANT USAGE ON SCHEMA public TO {ROLE}")
        await connection.execute(f"GRANT SELECT ON incarnations TO {ROLE}")
        try:
            assert await identity(migrated.replace("//gymlocker@", f"//{ROLE}@"))
        finally:
            await connection.execute(f"DROP OWNED BY {ROLE}; DROP ROLE {ROLE}")
            await connection.close()
