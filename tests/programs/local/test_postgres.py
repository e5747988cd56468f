"""The embedded PostgreSQL, for real."""

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
from tests.support.waiting import alive, eventually, processes_of, wait_until

# What a killed PostgreSQL has committed is safe with the operating system, as long as that lives.
QUICK = {"fsync": "off"}


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a cluster that was started once and stopped."""
    folder = tmp_path_factory.mktemp("made")
    asyncio.run(start_and_stop(folder))
    return folder


async def start_and_stop(folder: Path) -> None:
    async with running(folder):
        pass


@pytest.fixture
def folder(made_once: Path, tmp_path: Path) -> Path:
    """A copy of it for each test: copying takes less time than making."""
    copy = tmp_path / "house"
    # cp keeps the owner, who is not root.
    subprocess.run(["cp", "-a", str(made_once), str(copy)], check=True)
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
        folder / "postgres", log=folder / "postgres.log", report=report, settings=QUICK
    )


async def ask(url: str, *statements: str) -> object:
    """Runs the statements; returns the first value of the last."""
    connection = await asyncpg.connect(url)
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        return await connection.fetchval(statements[-1])
    finally:
        await connection.close()


def postmaster(folder: Path) -> int:
    return int((folder / "postgres" / "data" / "postmaster.pid").read_text().split()[0])


async def test_the_first_start_makes_a_database_as_it_should_be(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        url = server.url()
        assert await ask(url, "SELECT current_database()") == "gymlocker"
        assert await ask(url, "SHOW data_checksums") == "on"
        assert await ask(url, "SHOW server_encoding") == "UTF8"
        assert await ask(url, "SHOW listen_addresses") == ""
        provider = "SELECT datlocprovider::text || datlocale FROM pg_database WHERE datname = $1"
        provider = provider.replace("$1", "current_database()")
        assert await ask(url, provider) == "bC.UTF-8"
        major = "SELECT current_setting('server_version_num')::int / 10000"
        assert await ask(url, major) == 18
    assert not processes_of(tmp_path)
    assert not (tmp_path / "postgres" / "run").exists()


async def test_its_log_does_not_quote_what_violates_a_constraint(folder: Path) -> None:
    async with running(folder) as server:
        with pytest.raises(asyncpg.UniqueViolationError):
            await ask(
                server.url(),
                "CREATE TABLE known (name text PRIMARY KEY)",
                "INSERT INTO known SELECT 'canary' FROM generate_series(1, 2) RETURNING 1",
            )
        log = (folder / "postgres.log").read_text()
    assert "violates unique constraint" in log
    assert "(canary)" not in log and "DETAIL" not in log


def test_it_is_durable_unless_told_otherwise(tmp_path: Path) -> None:
    assert not any(
        "fsync" in word
        for word in EmbeddedPostgres(tmp_path, log=tmp_path / "log", report=print)._options()
    )


async def test_the_next_start_finds_the_data(folder: Path) -> None:
    async with running(folder) as server:
        await ask(server.url(), "CREATE TABLE kept AS SELECT 7 AS n", "SELECT 1")
    async with running(folder) as server:
        assert await ask(server.url(), "SELECT n FROM kept") == 7


async def test_only_its_user_can_reach_it(folder: Path) -> None:
    async with running(folder):
        for name in (".", "data", "run"):
            mode = (folder / "postgres" / name).stat().st_mode
            assert stat.S_IMODE(mode) == 0o700, name


async def test_killed_it_comes_back_with_what_was_committed(folder: Path) -> None:
    lines: list[str] = []
    async with running(folder, lines) as server:
        await ask(server.url(), "CREATE TABLE kept AS SELECT 7 AS n", "SELECT 1")
        os.kill(postmaster(folder), signal.SIGKILL)
        await eventually(lambda: "postgres is back" in lines)
        assert await ask(server.url(), "SELECT n FROM kept") == 7


async def test_a_mark_of_a_dead_one_with_a_reused_process_id_is_no_obstacle(folder: Path) -> None:
    data = folder / "postgres" / "data"
    owner = data.stat()
    mark = data / "postmaster.pid"
    mark.write_text(f"{os.getppid()}\n{data}\n1\n5432\n\n\n\n")
    os.chown(mark, owner.st_uid, owner.st_gid)
    async with running(folder) as server:
        assert await ask(server.url(), "SELECT 1") == 1


def test_one_left_by_a_killed_supervisor_is_waited_for(folder: Path) -> None:
    script = f"""
        import asyncio, pathlib
        from tests.programs.local.test_postgres import running

        async def main() -> None:
            async with running(pathlib.Path({str(folder)!r})):
                print("started", flush=True)
                await asyncio.Event().wait()

        asyncio.run(main())
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    ) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == b"started\n"
        left = postmaster(folder)
        supervisor.kill()
    asyncio.run(start_and_stop(folder))
    assert not alive(left)


def test_one_that_hangs_is_ended_by_the_next_start(folder: Path) -> None:
    """Here: one that nobody told to stop, as after a SIGKILL on macOS."""

    async def leave_one_behind() -> tuple[Supervisor, EmbeddedPostgres]:
        supervisor, server = Supervisor(print), server_in(folder, print)
        await server.prepare()
        await supervisor.start(server.process())
        return supervisor, server

    async def scenario() -> None:
        supervisor, _ = await leave_one_behind()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()  # the supervisor is no more
        left = postmaster(folder)
        lines: list[str] = []
        async with running(folder, lines) as server:
            assert await ask(server.url(), "SELECT 1") == 1
        assert lines == ["an earlier PostgreSQL is still stopping; waiting for it"]
        assert not alive(left)
        await supervisor.stop()

    asyncio.run(scenario())


@pytest.mark.parametrize("name", ["x" * 120, "a space and ünïcode %41"])
async def test_a_folder_whose_path_no_socket_can_have(
    folder: Path, tmp_path: Path, name: str
) -> None:
    place = tmp_path / name
    os.rename(folder, place)  # noqa: PTH104
    async with running(place) as server:
        link = place / "postgres" / "run"
        assert link.is_symlink()
        sockets = link.readlink()
        assert await ask(server.url(), "SELECT 1") == 1
    assert not sockets.exists()
    assert not link.is_symlink()


async def test_an_interrupted_first_start_leaves_nothing_half_made(tmp_path: Path) -> None:
    def being_made() -> bool:
        return (tmp_path / "postgres" / "data.unfinished" / "base").exists()

    first = asyncio.create_task(start_and_stop(tmp_path))
    await eventually(being_made)
    first.cancel()
    await asyncio.wait([first])
    assert not (tmp_path / "postgres" / "data").exists()
    wait_until(lambda: not processes_of(tmp_path))

    async with running(tmp_path) as server:
        assert await ask(server.url(), "SELECT 1") == 1
    assert not (tmp_path / "postgres" / "data.unfinished").exists()


async def test_data_that_is_broken_ends_the_start_with_the_log(folder: Path) -> None:
    (folder / "postgres" / "data" / "global" / "pg_control").unlink()
    with pytest.raises(StartError, match=r"postgres ended with .*(?s:.*)pg_control"):
        await start_and_stop(folder)


async def test_without_the_wheel_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(StartError, match="install gymlocker"):
        await start_and_stop(tmp_path)


async def test_the_callers_environment_does_not_lead_astray(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "PGPORT": "1",
        "PGUSER": "me",
        "PGDATABASE": "x",
        "LC_ALL": "xx_XX",
    }.items():
        monkeypatch.setenv(name, value)
    async with running(folder) as server:
        assert await ask(server.url(), "SELECT current_user::text") == "gymlocker"


def test_a_throwaway_server_comes_and_goes() -> None:
    with temporary_postgres() as server:
        assert asyncio.run(ask(server.url(), "SHOW fsync")) == "off"
        asyncio.run(ask(server.url(), "CREATE DATABASE other", "SELECT 1"))
        assert asyncio.run(ask(server.url("other"), "SELECT current_database()")) == "other"
        folder = Path(str(asyncio.run(ask(server.url(), "SHOW data_directory"))))
        assert folder.exists()
    assert not folder.exists()
    assert not processes_of(folder)
