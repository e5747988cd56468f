"""The plan of a stack, without starting it."""

import os
import pickle
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from server.programs.local.options import UpOptions
from server.programs.local.plan import Plan, read_plan
from server.programs.local.postgres import NON_DURABLE, small
from server.programs.local.up import _Preparation

URL = "postgresql://user:canary@127.0.0.1:1/name"


@pytest.fixture(autouse=True)
def external_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", URL)


async def plan_of(folder: Path, workers: int) -> Plan:
    options = UpOptions(port=0, workers=workers, data_dir=folder / "data", metrics_port=0)
    with ExitStack() as undo:
        preparation = _Preparation(options, undo)
        await preparation.prepare()
        return preparation.plan()


class TestWeb:
    async def test_only_worker_serves_pages(self, tmp_path: Path) -> None:
        plan = await plan_of(tmp_path, workers=1)
        (worker,) = plan.workers
        assert plan.web is None
        assert "--web" in worker.argv and "--web-metrics" in worker.argv

    async def test_several_workers_have_web_process(self, tmp_path: Path) -> None:
        plan = await plan_of(tmp_path, workers=2)
        assert plan.web is not None and "web" in plan.web.argv
        assert [each.name for each in plan.workers] == ["worker-0", "worker-1"]
        assert not any("--web" in worker.argv for worker in plan.workers)


class TestEnvironment:
    async def test_secrets_are_in_environment_alone(self, tmp_path: Path) -> None:
        plan = await plan_of(tmp_path, workers=1)
        (worker,) = plan.workers
        assert worker.environment is not None
        secret = (tmp_path / "data" / "jwt-secret-key").read_text()
        assert worker.environment["JWT_SECRET_KEY"] == secret
        assert worker.environment["DATABASE_URL"] == URL
        for process in (worker, plan.envoy):
            assert not any(secret in word or "canary" in word for word in process.argv)
        # Envoy needs none of them.
        assert plan.envoy.environment is None

    async def test_external_database_keeps_size_of_pool(self, tmp_path: Path) -> None:
        plan = await plan_of(tmp_path, workers=1)
        assert "DATABASE_POOL_SIZE" not in plan.migration.environment


async def test_next_program_reads_plan(tmp_path: Path) -> None:
    plan = await plan_of(tmp_path, workers=1)
    with tempfile.TemporaryFile() as file, tempfile.TemporaryFile() as lock:
        pickle.dump(Plan(**{**vars(plan), "lock": lock.fileno()}), file)
        file.seek(0)
        read = read_plan(os.dup(file.fileno()))
        assert read.workers[0].argv == plan.workers[0].argv
        assert not os.get_inheritable(read.lock)


def test_small_database_is_as_durable() -> None:
    settings = small(5)
    assert not settings.keys() & {*NON_DURABLE, "wal_level", "wal_sync_method", "commit_delay"}
    assert settings["max_connections"] == "25"
