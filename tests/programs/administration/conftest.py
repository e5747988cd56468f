"""Fixtures of the commands that work on the database itself."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import pytest
import structlog

from server.libraries.database.migrations import migrate
from server.programs.cli.app import main
from server.programs.local.temporary_postgres import TemporaryPostgres
from tests.libraries.database.conftest import EMPTY, make_database
from tests.support.command import Result

Gymlocker: TypeAlias = Callable[..., Result]
Query: TypeAlias = Callable[..., list[tuple[Any, ...]]]

TABLES = "TRUNCATE users, identities, backups, backup_objects, invitations CASCADE"


def query_on(url: str) -> Query:
    """Return a function that runs SQL on the database."""

    async def run(sql: str, *arguments: object) -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(url)
        try:
            return [tuple(row) for row in await connection.fetch(sql, *arguments)]
        finally:
            await connection.close()

    return lambda sql, *arguments: asyncio.run(run(sql, *arguments))


@pytest.fixture(scope="session")
def administered(postgres: TemporaryPostgres) -> str:
    """The URL of a database for the commands alone."""
    url = asyncio.run(make_database(postgres, "administered"))
    asyncio.run(migrate(url, None, lambda _: None))
    return url


@pytest.fixture
def database_url(administered: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of the database in use, which has no users."""
    query_on(administered)(TABLES)
    monkeypatch.setenv("DATABASE_URL", administered)
    return administered


@pytest.fixture
def query(database_url: str) -> Query:
    """Return a function that runs SQL on the database in use."""
    return query_on(database_url)


@pytest.fixture(scope="session")
def second(postgres: TemporaryPostgres) -> str:
    return asyncio.run(make_database(postgres, "administered_second"))


@pytest.fixture
def empty_url(second: str) -> str:
    """The URL of a database without tables."""
    asyncio.run(_execute(second, EMPTY))
    return second


@pytest.fixture
def gymlocker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Gymlocker:
    """Return a function that runs a command in this process, in an empty folder.

    `typed` is the standard input, which is no terminal.
    """
    monkeypatch.chdir(tmp_path)
    logging = structlog.get_config()

    def run(*arguments: str, typed: str = "") -> Result:
        (tmp_path / "typed").write_text(typed)
        monkeypatch.setattr(sys, "argv", ["gymlocker", *arguments])
        with (tmp_path / "typed").open() as stdin, monkeypatch.context() as patch:
            patch.setattr("server.programs.client.prompts.STDIN", stdin.fileno())
            patch.setattr(sys, "stdin", stdin)
            with pytest.raises(SystemExit) as ended:
                main()
        structlog.configure(**logging)
        printed = capsys.readouterr()
        code = ended.value.code
        return Result(code if isinstance(code, int) else 0, printed.out, printed.err)

    return run


async def _execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()
