"""`gymlocker doctor` on hints: by the database, and by NATS."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from server.programs.diagnostics import hints
from server.programs.diagnostics.finding import Finding, Level
from server.programs.diagnostics.hints import check_hints
from server.programs.local.temporary_postgres import TemporaryPostgres
from tests.programs.diagnostics.pgbouncer import pgbouncer, prepared_statements, url_through
from tests.support.nats import running_nats
from tests.support.ports import free_port
from tests.support.tools import require


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without settings of hints, and an empty current folder."""
    for name in ("DATABASE_URL", "NATS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for PgBouncer, which runs as another user and must not use pytest's folder."""
    require("pgbouncer")
    with TemporaryDirectory(prefix="gymlocker-pgbouncer-") as folder:
        yield Path(folder)


async def found() -> Finding:
    (finding,) = await check_hints()
    return finding


class TestDatabase:
    async def test_accepts_database_whose_notifications_arrive(
        self, environment: pytest.MonkeyPatch, empty_database: str
    ) -> None:
        assert (await found()).level is Level.OK
        environment.setenv("DATABASE_URL", empty_database)
        assert (await found()).text == "go through the database"

    async def test_leaves_unreachable_database_to_other_check(
        self, environment: pytest.MonkeyPatch
    ) -> None:
        environment.setenv("DATABASE_URL", f"postgresql://127.0.0.1:{free_port()}/none")
        assert await check_hints() == []

    @pytest.mark.extended
    async def test_warns_about_pooler_in_transaction_mode(
        self, environment: pytest.MonkeyPatch, postgres: TemporaryPostgres, folder: Path
    ) -> None:
        environment.setattr(hints, "TIMEOUT", 3)
        settings = prepared_statements()
        async with pgbouncer(postgres, folder, pool_mode="transaction", **settings) as port:
            environment.setenv("DATABASE_URL", url_through(port))
            finding = await found()
        assert finding.level is Level.WARNING and "PgBouncer" in finding.text
        assert "NATS_URL" in finding.advice


@pytest.mark.extended
class TestNats:
    async def test_accepts_server_that_responds(self, environment: pytest.MonkeyPatch) -> None:
        with running_nats("--user", "worker", "--pass", "canary") as server:
            environment.setenv("NATS_URL", server.url_for("worker", "canary"))
            assert (await found()).level is Level.OK
            environment.setenv("NATS_URL", server.url_for("worker", "wrong"))
            assert (await found()).level is Level.FAULT

    async def test_reports_servers_that_do_not_respond(
        self, environment: pytest.MonkeyPatch
    ) -> None:
        down = f"127.0.0.1:{free_port()}"
        environment.setenv("NATS_URL", f"nats://worker:canary@{down}")
        finding = await found()
        assert finding.level is Level.FAULT and "NATS_URL" in finding.advice
        assert down in finding.text and "canary" not in finding.text
        with running_nats() as server:
            environment.setenv("NATS_URL", f"nats://{down}, {server.url}")
            finding = await found()
        assert finding.level is Level.WARNING and down in finding.text
