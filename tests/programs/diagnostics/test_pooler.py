"""PgBouncer in front of the database: what works, and what `doctor` says of what does not."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from server.libraries.database.migrations import migrate
from server.libraries.database.pool import Database
from server.libraries.database.write_check import WriteCheck
from server.programs.diagnostics.databases import databases
from server.programs.diagnostics.finding import Level
from server.programs.local.temporary_postgres import TemporaryPostgres
from tests.programs.diagnostics.pgbouncer import pgbouncer, url_through, version
from tests.support.tools import require

KNOWS_PREPARED_STATEMENTS = (1, 21)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not pytest's, which others than root may not enter."""
    require("pgbouncer")
    with TemporaryDirectory(prefix="gymlocker-pgbouncer-") as folder:
        yield Path(folder)


@pytest.mark.parametrize("connections", [1, 5])
async def test_one_that_does_not_know_prepared_statements_is_found(
    postgres: TemporaryPostgres,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    connections: int,
) -> None:
    settings: dict[str, object] = {"pool_mode": "transaction", "default_pool_size": connections}
    if version() >= KNOWS_PREPARED_STATEMENTS:
        settings["max_prepared_statements"] = 0
    async with pgbouncer(postgres, folder, **settings) as port:
        monkeypatch.setenv("DATABASE_URL", url_through(port))
        (found,) = await databases()
    assert found.level is Level.FAULT and "PgBouncer" in found.text
    assert "max_prepared_statements" in found.advice and "pool_mode = session" in found.advice


@pytest.mark.parametrize("mode", ["session", "transaction"])
async def test_one_that_knows_them_works(
    empty_database: str,
    postgres: TemporaryPostgres,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
) -> None:
    settings: dict[str, object] = {"pool_mode": mode, "default_pool_size": 5}
    if mode == "transaction":
        if version() < KNOWS_PREPARED_STATEMENTS:
            pytest.skip(f"this PgBouncer does not: {version()}")
        settings["max_prepared_statements"] = 200
    name = empty_database.partition("?")[0].rpartition("/")[2]
    async with pgbouncer(postgres, folder, **settings) as port:
        url = url_through(port, name)
        await migrate(url, None, lambda _: None)
        monkeypatch.setenv("DATABASE_URL", url)
        assert {one.level for one in await databases()} == {Level.OK}
        async with Database(url, pool_size=4) as database:
            await asyncio.gather(*(WriteCheck(database).require() for _ in range(20)))
