"""`gymlocker db restore`: all of a dump, or nothing."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from server.libraries.database.schema_version import NEEDED
from server.programs.administration.restore import _without_unknown_setting
from server.programs.local.postgres import programs
from tests.libraries.database import catalog
from tests.libraries.database.test_migrations import run_alembic
from tests.programs.administration.conftest import Gymlocker, Query, query_on

pytestmark = pytest.mark.extended

COMMAND = f"{sys.executable} -P -m server"
NOTES = "SET transaction_timeout = 0;\n\\.\n\\! touch pwned\n\t\\N ü"
ADD_WORKOUT = """
INSERT INTO workouts (user_id, id, date, type, type_key, duration, notes, created)
SELECT id, gen_random_uuid(), '2026-02-07', 'Legs', 'legs', 60, $1, now() FROM users
"""
ADD_ACCOUNT = """
INSERT INTO users (id, user_lookup, hashed_password, salt, last_accessed, created, encryption_iv,
                   rsa_public_key, username, username_key)
VALUES (gen_random_uuid(), 'abc', '', '', now(), now(), '', '', 'ada', 'ada')
"""

_ROWS = "SELECT it::text FROM"
OBJECTS = """
SELECT proname::text, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
ORDER BY 1, 2
"""


def everything(url: str) -> object:
    """Return the schema, and all rows with their places on the disk."""

    async def read() -> object:
        connection = await asyncpg.connect(url)
        try:
            return await catalog.everything(connection)
        finally:
            await connection.close()

    return asyncio.run(read())


def contents(url: str) -> object:
    """Return functions, triggers, the schema, and all rows wherever they are."""

    async def read() -> object:
        connection = await asyncpg.connect(url)
        try:
            columns = await catalog.columns(connection)
            rows = {
                name: [row[0] for row in await connection.fetch(f'{_ROWS} "{name}" it ORDER BY 1')]
                for name in columns
            }
            objects = [tuple(row) for row in await connection.fetch(OBJECTS)]
            return await catalog.schema(connection), objects, rows
        finally:
            await connection.close()

    return asyncio.run(read())


@pytest.fixture
def dump(gymlocker: Gymlocker, query: Query) -> str:
    """A dump of the database in use, which has an account with a workout."""
    query(ADD_ACCOUNT)
    query(ADD_WORKOUT, NOTES)
    return dumped(gymlocker, "x.dump")


@pytest.fixture
def empty(empty_url: str, dump: str, monkeypatch: pytest.MonkeyPatch) -> Query:
    """Make an empty database the one in use."""
    monkeypatch.setenv("DATABASE_URL", empty_url)
    return query_on(empty_url)


def dumped(gymlocker: Gymlocker, name: str) -> str:
    ended = gymlocker("db", "backup", name)
    assert ended.code == 0, ended.errors
    return name


def refused(gymlocker: Gymlocker, url: str, *arguments: str) -> str:
    """Restore, which must fail with one sentence and change nothing; return the sentence."""
    before = everything(url)
    ended = gymlocker("db", "restore", *arguments)
    assert (ended.code, ended.output) == (1, "")
    assert ended.errors.count("\n") == 1
    assert everything(url) == before
    return ended.errors


class TestRestore:
    def test_fills_empty_database(
        self,
        gymlocker: Gymlocker,
        dump: str,
        empty: Query,
        empty_url: str,
        database_url: str,
        tmp_path: Path,
    ) -> None:
        ended = gymlocker("db", "restore", dump)
        assert (ended.code, ended.errors) == (0, "")
        assert ended.output == f"Restored {dump}.\nThe database was up to date.\n"
        assert contents(empty_url) == contents(database_url)
        assert empty("SELECT notes FROM workouts") == [(NOTES,)]
        assert not (tmp_path / "pwned").exists()

    def test_replaces_contents_if_told_to(
        self, gymlocker: Gymlocker, dump: str, query: Query, database_url: str
    ) -> None:
        before = contents(database_url)
        query("UPDATE users SET username = 'bob', username_key = 'bob'")
        query('CREATE TABLE "__EFMigrationsHistory" (id int)')
        sentence = refused(gymlocker, database_url, dump)
        assert sentence.startswith("The database is not empty: ")
        sentence = refused(gymlocker, database_url, dump, "--replace")
        assert "pass --yes" in sentence
        assert gymlocker("db", "restore", dump, "--replace", "--yes").code == 0
        assert contents(database_url) == before

    @pytest.mark.parametrize("is_empty", [True, False])
    def test_migrates_dump_of_earlier_release(
        self,
        gymlocker: Gymlocker,
        empty: Query,
        empty_url: str,
        database_url: str,
        query: Query,
        monkeypatch: pytest.MonkeyPatch,
        is_empty: bool,
    ) -> None:
        asyncio.run(run_alembic(empty_url, "upgrade", "feed@feed_0014"))
        empty(ADD_ACCOUNT)
        empty(ADD_WORKOUT, NOTES)
        old = dumped(gymlocker, "old.dump")
        if is_empty:
            empty("DROP SCHEMA public CASCADE")
            empty("CREATE SCHEMA public")
        else:
            query("UPDATE users SET username = 'bob', username_key = 'bob'")
            monkeypatch.setenv("DATABASE_URL", database_url)
        ended = gymlocker("db", "restore", old, "--replace", "--yes")
        assert (ended.code, ended.errors) == (0, "")
        assert "The database is up to date." in ended.output
        read = empty if is_empty else query
        assert (NEEDED["feed"],) in read("SELECT version_num FROM alembic_version")
        assert read("SELECT notes FROM workouts") == [(NOTES,)]
        assert read("SELECT username, disabled FROM users") == [("ada", None)]


class TestStandardStreams:
    def test_dump_is_piped(
        self, gymlocker: Gymlocker, query: Query, database_url: str, empty_url: str, tmp_path: Path
    ) -> None:
        query(ADD_ACCOUNT)
        query(ADD_WORKOUT, NOTES)
        # Into a file, to which pg_dump itself would append.
        script = f"{COMMAND} db backup - > x.dump && {COMMAND} db restore - < x.dump"
        first, second = script.split(" && ")
        ended = shell(first, tmp_path, database_url)
        assert ended.returncode == 0
        assert ended.stderr.startswith(b"Wrote ")
        ended = shell(second, tmp_path, empty_url)
        assert (ended.returncode, ended.stderr) == (0, b"")
        assert ended.stdout.startswith(b"Restored -.\n")
        assert contents(empty_url) == contents(database_url)
        whole = (tmp_path / "x.dump").read_bytes()
        for cut in (1, 10, 100, 1000, len(whole) // 2):
            (tmp_path / "cut.dump").write_bytes(whole[:-cut])
            sentence = refused(gymlocker, database_url, "cut.dump", "--replace", "--yes")
            assert sentence.startswith("cut.dump is ")


def shell(script: str, folder: Path, url: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command with redirections on a database."""
    environment = {**os.environ, "DATABASE_URL": url}
    return subprocess.run(script, shell=True, cwd=folder, env=environment, capture_output=True)


class TestDamagedDump:
    @pytest.mark.parametrize("part", [0.0, 0.01, 0.5, 0.9, 0.999])
    def test_truncated_one_changes_nothing(
        self, gymlocker: Gymlocker, dump: str, database_url: str, tmp_path: Path, part: float
    ) -> None:
        whole = (tmp_path / dump).read_bytes()
        (tmp_path / "cut.dump").write_bytes(whole[: int(len(whole) * part)])
        sentence = refused(gymlocker, database_url, "cut.dump", "--replace", "--yes")
        assert sentence.startswith("cut.dump is ")

    def test_flipped_bytes_change_nothing(
        self, gymlocker: Gymlocker, query: Query, database_url: str, tmp_path: Path
    ) -> None:
        query(ADD_ACCOUNT)
        # Rows that compression leaves large.
        query("UPDATE users SET salt = $1", os.urandom(50_000))
        name = dumped(gymlocker, "x.dump")
        broken = bytearray((tmp_path / name).read_bytes())
        broken[-25_000] ^= 255
        (tmp_path / name).write_bytes(broken)
        sentence = refused(gymlocker, database_url, name, "--replace", "--yes")
        assert sentence.startswith("x.dump is damaged or cut off (")

    def test_other_files_are_refused(
        self, gymlocker: Gymlocker, database_url: str, tmp_path: Path
    ) -> None:
        (tmp_path / "text").write_text("no dump\n" * 1000)
        for name, sentence in (
            ("text", "text is not a backup, or it is damaged ("),
            ("missing", "missing cannot be read (No such file or directory)."),
        ):
            assert refused(gymlocker, database_url, name, "--replace", "--yes").startswith(sentence)

    def test_dump_of_other_application_is_refused(
        self, gymlocker: Gymlocker, empty: Query, empty_url: str, tmp_path: Path
    ) -> None:
        empty("CREATE TABLE songs (id int)")
        with (tmp_path / "songs.dump").open("wb") as file:
            subprocess.run(
                [programs() / "pg_dump", "--format=custom", "--dbname", empty_url],
                stdout=file,
                check=True,
            )
        empty("DROP TABLE songs")
        sentence = refused(gymlocker, empty_url, "songs.dump")
        assert sentence.startswith("songs.dump is not a backup of Gymlocker's database: ")

    def test_dump_of_newer_release_is_refused(
        self, gymlocker: Gymlocker, dump: str, query: Query, database_url: str
    ) -> None:
        change = "UPDATE alembic_version SET version_num = $1 WHERE version_num ~ 'feed'"
        query(change, "feed_9999")
        try:
            newer = dumped(gymlocker, "newer.dump")
        finally:
            query(change, NEEDED["feed"])
        assert refused(gymlocker, database_url, newer, "--replace", "--yes") == (
            "newer.dump is a backup of a newer Gymlocker (feed_9999): update this one. Nothing was "
            "changed.\n"
        )


class TestWithoutUnknownSetting:
    def test_changes_header_alone(self) -> None:
        line = b"SET transaction_timeout = 0;\n"
        start = b"SET lock_timeout = 0;\n" + line + b"\n--\n-- Name: users; Type: TABLE\n" + line
        assert _without_unknown_setting(start) == start.replace(line, b"", 1)
        assert _without_unknown_setting(b"SET lock_timeout = 0;\n\n-- Name: x\n" + line).endswith(
            line
        )
