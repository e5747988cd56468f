"""The embedded PostgreSQL."""

import asyncio
import importlib.util
import os
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from server.errors import StartError
from server.libraries.process.supervisor import Supervisor
from server.programs.local.postgres import EmbeddedPostgres
from server.programs.local.temporary_postgres import temporary_postgres
from tests.support.process import killed_on_error
from tests.support.waiting import alive, eventually, processes_of, wait_until

pytestmark = pytest.mark.extended

# Commits survive a killed PostgreSQL without fsync, as long as the operating system runs.
FAST = {"fsync": "off"}


@pytest.fixture(scope="module")
def created_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a cluster that was started and stopped once."""
    folder = tmp_path_factory.mktemp("created")
    asyncio.run(start_and_stop(folder))
    return folder


async def start_and_stop(folder: Path) -> None:
    async with running(folder):
        pass


@pytest.fixture
def folder(created_once: Path, tmp_path: Path) -> Path:
    """A copy of the cluster for each test, for copying is faster than creating."""
    copy = tmp_path / "stack"
    # cp keeps the owner, which is not root.
    subprocess.run(["cp", "-a", str(created_once), str(copy)], check=True)
    return copy


@asynccontextmanager
async def running(folder: Path, lines: list[str] | None = None) -> AsyncIterator[EmbeddedPostgres]:
    report = (lines if lines is not None else []).append
    supervisor = Supervisor(report)
    with server_in(folder, report) as server:
        try:
            await server.prepare()
            await supervisor.start(server.process())
            yield server
        finally:
            await supervisor.stop()


def server_in(folder: Path, report: object) -> EmbeddedPostgres:
    assert callable(report)
    return EmbeddedPostgres(
        folder / "postgres", log=folder / "postgres.log", report=report, settings=FAST
    )


async def query(url: str, *statements: str) -> object:
    """Run the statements; return the first value of the last one."""
    connection = await asyncpg.connect(url)
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        return await connection.fetchval(statements[-1])
    finally:
        await connection.close()


def postmaster(folder: Path) -> int:
    return int((folder / "postgres" / "data" / "postmaster.pid").read_text().split()[0])


class TestKilled:
    async def test_killed_server_restarts_with_committed_data(self, folder: Path) -> None:
        lines: list[str] = []
        async with running(folder, lines) as server:
            await query(server.url(), "CREATE TABLE kept AS SELECT 7 AS n", "SELECT 1")
            os.kill(postmaster(folder), signal.SIGKILL)
            await eventually(lambda: "postgres is back" in lines)
            assert await query(server.url(), "SELECT n FROM kept") == 7

    async def test_removes_pid_file_with_reused_process_id(self, folder: Path) -> None:
        data = folder / "postgres" / "data"
        owner = data.stat()
        pid_file = data / "postmaster.pid"
        pid_file.write_text(f"{os.getppid()}\n{data}\n1\n5432\n\n\n\n")
        os.chown(pid_file, owner.st_uid, owner.st_gid)
        async with running(folder) as server:
            assert await query(server.url(), "SELECT 1") == 1

    def test_waits_for_orphan_of_killed_supervisor(self, folder: Path) -> None:
        script = f"""
            import asyncio, pathlib
            from tests.programs.local.test_postgres import running

            async def main() -> None:
                async with running(pathlib.Path({str(folder)!r})):
                    print("started", flush=True)
                    await asyncio.Event().wait()

            asyncio.run(main())
        """
        with killed_on_error(
            subprocess.Popen(
                [sys.executable, "-c", textwrap.dedent(script)],
                stdout=subprocess.PIPE,
                cwd=Path(__file__).parents[3],
            )
        ) as supervisor:
            assert supervisor.stdout is not None
            assert supervisor.stdout.readline() == b"started\n"
            orphan = postmaster(folder)
            supervisor.kill()
        asyncio.run(start_and_stop(folder))
        assert not alive(orphan)

    def test_ends_orphan_that_keeps_running(self, folder: Path) -> None:
        """Leave a server that got no signal, as after a SIGKILL on macOS."""

        async def leave_one_behind() -> tuple[Supervisor, EmbeddedPostgres]:
            supervisor, server = Supervisor(print), server_in(folder, print)
            await server.prepare()
            await supervisor.start(server.process())
            return supervisor, server

        async def scenario() -> None:
            supervisor, _ = await leave_one_behind()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()  # ends the supervision
            orphan = postmaster(folder)
            lines: list[str] = []
            async with running(folder, lines) as server:
                assert await query(server.url(), "SELECT 1") == 1
            assert lines == ["an earlier PostgreSQL is still stopping; waiting for it"]
            assert not alive(orphan)
            await supervisor.stop()

        asyncio.run(scenario())


class TestFirstStart:
    async def test_creates_database_with_checksums_and_builtin_locale(self, tmp_path: Path) -> None:
        async with running(tmp_path) as server:
            url = server.url()
            assert await query(url, "SELECT current_database()") == "gymlocker"
            assert await query(url, "SHOW data_checksums") == "on"
            assert await query(url, "SHOW server_encoding") == "UTF8"
            assert await query(url, "SHOW listen_addresses") == ""
            provider = (
                "SELECT datlocprovider::text || datlocale FROM pg_database WHERE datname = $1"
            )
            provider = provider.replace("$1", "current_database()")
            assert await query(url, provider) == "bC.UTF-8"
            major = "SELECT current_setting('server_version_num')::int / 10000"
            assert await query(url, major) == 18
        assert not processes_of(tmp_path)
        assert not (tmp_path / "postgres" / "run").exists()

    async def test_interrupted_start_leaves_no_incomplete_cluster(self, tmp_path: Path) -> None:
        def is_creating() -> bool:
            return (tmp_path / "postgres" / "data.unfinished" / "base").exists()

        first = asyncio.create_task(start_and_stop(tmp_path))
        await eventually(is_creating)
        first.cancel()
        await asyncio.wait([first])
        assert not (tmp_path / "postgres" / "data").exists()
        wait_until(lambda: not processes_of(tmp_path))

        async with running(tmp_path) as server:
            assert await query(server.url(), "SELECT 1") == 1
        assert not (tmp_path / "postgres" / "data.unfinished").exists()

    async def test_without_wheel_names_package_to_install(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        with pytest.raises(StartError, match="install gymlocker"):
            await start_and_stop(tmp_path)


class TestStart:
    async def test_log_does_not_quote_violating_values(self, folder: Path) -> None:
        async with running(folder) as server:
            with pytest.raises(asyncpg.UniqueViolationError):
                await query(
                    server.url(),
                    "CREATE TABLE known (name text PRIMARY KEY)",
                    "INSERT INTO known SELECT 'canary' FROM generate_series(1, 2) RETURNING 1",
                )
            log = (folder / "postgres.log").read_text()
        assert "violates unique constraint" in log
        assert "(canary)" not in log and "DETAIL" not in log

    def test_is_durable_by_default(self, tmp_path: Path) -> None:
        assert not any(
            "fsync" in word
            for word in EmbeddedPostgres(tmp_path, log=tmp_path / "log", report=print)._options()
        )

    async def test_finds_data_of_earlier_start(self, folder: Path) -> None:
        async with running(folder) as server:
            await query(server.url(), "CREATE TABLE kept AS SELECT 7 AS n", "SELECT 1")
        async with running(folder) as server:
            assert await query(server.url(), "SELECT n FROM kept") == 7

    async def test_only_its_user_can_enter_folders(self, folder: Path) -> None:
        async with running(folder):
            for name in (".", "data", "run"):
                mode = (folder / "postgres" / name).stat().st_mode
                assert stat.S_IMODE(mode) == 0o700, name

    @pytest.mark.parametrize("name", ["x" * 120, "a space and ünïcode %41"])
    async def test_links_sockets_if_path_does_not_suit_them(
        self, folder: Path, tmp_path: Path, name: str
    ) -> None:
        place = tmp_path / name
        os.rename(folder, place)  # noqa: PTH104
        async with running(place) as server:
            link = place / "postgres" / "run"
            assert link.is_symlink()
            sockets = link.readlink()
            assert await query(server.url(), "SELECT 1") == 1
        assert not sockets.exists()
        assert not link.is_symlink()

    async def test_broken_data_fails_start_with_log(self, folder: Path) -> None:
        (folder / "postgres" / "data" / "global" / "pg_control").unlink()
        with pytest.raises(StartError, match=r"postgres ended with .*(?s:.*)pg_control"):
            await start_and_stop(folder)

    async def test_ignores_callers_environment(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in {
            "PGPORT": "1",
            "PGUSER": "me",
            "PGDATABASE": "x",
            "LC_ALL": "xx_XX",
        }.items():
            monkeypatch.setenv(name, value)
        async with running(folder) as server:
            assert await query(server.url(), "SELECT current_user::text") == "gymlocker"


class TestTemporaryPostgres:
    def test_server_and_folder_are_removed(self) -> None:
        with temporary_postgres() as server:
            assert asyncio.run(query(server.url(), "SHOW fsync")) == "off"
            asyncio.run(query(server.url(), "CREATE DATABASE other", "SELECT 1"))
            assert asyncio.run(query(server.url("other"), "SELECT current_database()")) == "other"
            folder = Path(str(asyncio.run(query(server.url(), "SHOW data_directory"))))
            assert folder.exists()
        assert not folder.exists()
        assert not processes_of(folder)
