"""PgBouncer in front of the database: supported and unsupported configurations."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from server.libraries.database.migrations import migrate
from server.libraries.database.pool import Database
from server.libraries.database.write_check import WriteCheck
from server.programs.diagnostics.databases import check_databases
from server.programs.diagnostics.finding import Level
from server.programs.local.temporary_postgres import TemporaryPostgres
from tests.programs.diagnostics.pgbouncer import (
    SUPPORTS_PREPARED_STATEMENTS,
    pgbouncer,
    url_through,
    version,
)
from tests.support.tools import require


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for PgBouncer, which runs as another user and must not use pytest's folder."""
    require("pgbouncer")
    with TemporaryDirectory(prefix="gymlocker-pgbouncer-") as folder:
        yield Path(folder)


@pytest.mark.parametrize("connections", [1, 5])
async def test_reports_pooler_without_prepared_statements(
    postgres: TemporaryPostgres,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    connections: int,
) -> None:
    settings: dict[str, object] = {"pool_mode": "transaction", "default_pool_size": connections}
    if version() >= SUPPORTS_PREPARED_STATEMENTS:
        settings["max_prepared_statements"] = 0
    async with pgbouncer(postgres, folder, **settings) as port:
        monkeypatch.setenv("DATABASE_URL", url_through(port))
        (finding,) = await check_databases()
    assert finding.level is Level.FAULT and "PgBouncer" in finding.text
    assert "max_prepared_statements" in finding.advice and "pool_mode = session" in finding.advice


@pytest.mark.parametrize("mode", ["session", "transaction"])
async def test_accepts_pooler_with_prepared_statements(
    empty_database: str,
    postgres: TemporaryPostgres,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
) -> None:
    settings: dict[str, object] = {"pool_mode": mode, "default_pool_size": 5}
    if mode == "transaction":
        if version() < SUPPORTS_PREPARED_STATEMENTS:
            pytest.skip(f"PgBouncer {version()} does not support prepared statements")
        settings["max_prepared_statements"] = 200
    name = empty_database.partition("?")[0].rpartition("/")[2]
    async with pgbouncer(postgres, folder, **settings) as port:
        url = url_through(port, name)
        await migrate(url, None, lambda _: None)
        monkeypatch.setenv("DATABASE_URL", url)
        assert {one.level for one in await check_databases()} == {Level.OK}
        async with Database(url, pool_size=4) as database:
            await asyncio.gather(*(WriteCheck(database).require() for _ in range(20)))
