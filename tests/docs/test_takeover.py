"""The page about moving from LiftLog's server: its commands and its table of settings."""

import os
import re
import shutil
import sys
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from server.programs.diagnostics.liftlog_names import NAMES
from tests.docs.pages import commands, run, section
from tests.libraries.database import liftlog
from tests.libraries.database.liftlog import IV, Person
from tests.libraries.database.sqlite.household import CASE

PAGE = "docs/takeover.md"
GYMLOCKER = f"{sys.executable} -P -m server"
BROUGHT = "Brought in: 3 users, 3 events, 3 follow secrets, 3 inbox messages and 3 shared items.\n"


def test_settings_table_is_that_of_the_hints() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \|", section(PAGE, "Settings"), re.MULTILINE)
    table = {name: None if ours == "-" else ours.strip("`") for name, ours in rows}
    assert table == NAMES
    assert len(table) == len(rows)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A folder with a copy of LiftLog's folder."""
    (tmp_path / "liftlog").mkdir()
    shutil.copy(CASE, tmp_path / "liftlog" / "liftlog.db")
    return tmp_path


@pytest.mark.extended
class TestFromSqlite:
    async def test_command_brings_file_in_and_liftlogs_server_can_write(
        self, empty_database: str, copied: Path
    ) -> None:
        script = commands(PAGE, "From SQLite").replace("uv run gymlocker", GYMLOCKER)
        said = run(script, copied, {**os.environ, "DATABASE_URL": empty_database}).stdout
        assert said.endswith(BROUGHT)
        assert BROUGHT in section(PAGE, "From SQLite")
        # The way back: LiftLog's server on this database.
        connection = await asyncpg.connect(empty_database)
        person = Person("abcdefghjkmn")
        await liftlog.add_person(connection, person, rounds=1)
        await connection.execute(
            liftlog.EVENT, person.id, uuid4(), "now", b"LiftLog's", IV, "2099-01-01"
        )
        await connection.execute(liftlog.INBOX_ITEM, uuid4(), person.id, [b"LiftLog's"])
        await connection.execute(liftlog.SHARED_ITEM, "i", person.id, "2099-01-01", b"x", IV)
        await connection.close()

    def test_command_for_containers_is_the_same(self, empty_database: str, copied: Path) -> None:
        [container] = re.findall(
            r"docker compose run --rm --volume \"\$PWD/liftlog:/liftlog\" gymlocker \\\n(.+)",
            section(PAGE, "From SQLite"),
        )
        script = f"{GYMLOCKER} {container.strip()}"
        script = script.replace(" /liftlog/", " liftlog/").replace(" /data", " data")
        said = run(script, copied, {**os.environ, "DATABASE_URL": empty_database}).stdout
        assert said.endswith(BROUGHT)
        # DATABASE_URL wins.
        assert not (copied / "data").exists()


@pytest.mark.extended
class TestFromPostgresql:
    async def test_command_takes_database_over(self, empty_database: str, tmp_path: Path) -> None:
        connection = await asyncpg.connect(empty_database)
        await connection.execute(liftlog.HISTORY + liftlog.FEED + liftlog.RATE_LIMITS)
        await connection.close()
        script = commands(PAGE, "From PostgreSQL").replace("uv run gymlocker", GYMLOCKER)
        placeholder = "postgresql://user:password@host/liftlog"
        assert script.count(placeholder) == 1
        said = run(script.replace(placeholder, f"'{empty_database}'"), tmp_path).stdout
        assert "Adopting a LiftLog server's tables as they are" in said
