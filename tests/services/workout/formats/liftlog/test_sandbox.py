"""Reading strangers' databases: hostile ones are refused, and no process is left behind."""

import contextlib
import gzip
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from io import BytesIO
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.services.workout.formats.liftlog import database_reader, sandbox
from server.services.workout.formats.liftlog.sandbox import sessions
from server.services.workout.formats.model import UnreadableFile
from tests.services.workout.formats.liftlog.backups import TABLE, compressed, database

pytestmark = pytest.mark.extended

UNSAFE = "has triggers, views or computed tables"
DAMAGED = "is damaged"
NO_SESSIONS = "has no sessions of LiftLog"
TOO_LARGE = "too large to be read"


@pytest.fixture(autouse=True)
def _leaves_nothing_behind(temporary_folder: Path) -> Iterator[None]:
    """Check that each test leaves neither a process nor a file."""
    yield
    assert readers_of(temporary_folder) == []
    assert list(temporary_folder.iterdir()) == []


def readers_of(folder: Path) -> list[psutil.Process]:
    """Return the processes that read a database in `folder`."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if any(argument.startswith(str(folder)) for argument in child.cmdline()):
                found.append(child)
    return found


def reason(file: BytesIO) -> str:
    """Return the sentence by which a backup is refused."""
    with pytest.raises(UnreadableFile) as caught:
        list(sessions(file))
    message = str(caught.value)
    assert message.endswith(".")
    return message


def rewritten(path: Path, statement: str, *parameters: object) -> Path:
    """Change the schema of a database in a way that SQLite itself would not."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(statement, parameters)
    return path


class TestSessions:
    def test_are_yielded_with_their_state(self, tmp_path: Path) -> None:
        path = database(tmp_path, TABLE, rows=[("a", 0, "{}"), ("b", 1, "é\n🏋️"), ("c", 0, b"\xff")])
        assert list(sessions(compressed(path))) == [
            {"id": "a", "payload": "{}", "active": False},
            {"id": "b", "payload": "é\n🏋️", "active": True},
            {"id": "c", "payload": None, "active": False},
        ]

    def test_may_be_without_state(self, tmp_path: Path) -> None:
        table = "CREATE TABLE session (id text, payload text, modelVersion integer)"
        path = database(tmp_path, table, "INSERT INTO session VALUES ('a', '{}', 1)")
        assert list(sessions(compressed(path))) == [{"id": "a", "payload": "{}", "active": False}]

    def test_are_read_from_a_database_in_wal_mode(self, tmp_path: Path) -> None:
        path = database(tmp_path, "PRAGMA journal_mode = WAL", TABLE, rows=[("a", 0, "{}")])
        assert len(list(sessions(compressed(path)))) == 1

    def test_longest_payload_of_control_characters_is_read(self, tmp_path: Path) -> None:
        payload = "\x01" * database_reader.MAX_PAYLOAD_BYTES
        path = database(tmp_path, TABLE, rows=[("a", 0, payload)])
        [found] = sessions(compressed(path))
        assert found["payload"] == payload

    def test_too_long_payload_is_none(self, tmp_path: Path) -> None:
        payload = "x" * (database_reader.MAX_PAYLOAD_BYTES + 1)
        path = database(tmp_path, TABLE, rows=[("a", 0, payload), ("b", 0, payload[1:])])
        first, second = sessions(compressed(path))
        assert (first["payload"], second["payload"]) == (None, payload[1:])

    def test_abandoned_reading_ends_the_process(self, tmp_path: Path) -> None:
        path = database(tmp_path, TABLE, rows=[(str(n), 0, "x" * 1_000) for n in range(5_000)])
        found = sessions(compressed(path))
        assert next(found)["id"] == "0"
        found.close()


class TestCompression:
    def test_bomb_is_refused(self) -> None:
        start = b"SQLite format 3\0"
        bomb = BytesIO(gzip.compress(start + bytes(64 * 1024 * 1024), 9))
        with pytest.raises(UnreadableFile, match=TOO_LARGE):
            list(sessions(bomb, max_bytes=1024 * 1024))

    def test_other_bombs_are_refused_at_their_start(self) -> None:
        began = time.process_time()
        compressed = gzip.compress(bytes(256 * 1024 * 1024), 1)
        compressing = time.process_time() - began
        began = time.process_time()
        assert "no SQLite database inside" in reason(BytesIO(compressed))
        assert time.process_time() - began < compressing / 2

    @pytest.mark.parametrize("end", [9, 40, -1, -8])
    def test_truncated_file_is_refused(self, tmp_path: Path, end: int) -> None:
        whole = compressed(database(tmp_path, TABLE, rows=[("a", 0, os.urandom(9_000).hex())]))
        message = reason(BytesIO(whole.getvalue()[:end]))
        assert message.startswith("The backup is incomplete or damaged")

    def test_damaged_file_is_refused(self, tmp_path: Path) -> None:
        data = bytearray(compressed(database(tmp_path, TABLE)).getvalue())
        data[-6] ^= 1
        assert reason(BytesIO(data)).startswith("The backup is incomplete or damaged")

    @pytest.mark.parametrize("contents", [b"", b"SQLite", b"x" * 100])
    def test_other_contents_are_refused(self, contents: bytes) -> None:
        message = reason(BytesIO(gzip.compress(contents)))
        assert message.startswith(("The backup is empty", "The backup has no SQLite database"))


class TestSchema:
    @pytest.mark.parametrize(
        "statement",
        [
            "CREATE TRIGGER t AFTER INSERT ON session BEGIN SELECT 1; END",
            "CREATE VIEW v AS SELECT 1",
            "CREATE VIRTUAL TABLE f USING fts5(a)",
            "CREATE VIRTUAL TABLE r USING rtree(a, b, c)",
        ],
    )
    def test_anything_but_tables_is_refused(self, tmp_path: Path, statement: str) -> None:
        assert UNSAFE in reason(compressed(database(tmp_path, TABLE, statement)))

    @pytest.mark.parametrize(
        "statement",
        [
            "CREATE VIEW session AS SELECT 'a' AS id, '{}' AS payload",
            "CREATE TABLE session (id text, payload text AS (id || 'x'))",
            "CREATE TABLE session (id text, payload text AS (id || 'x') STORED)",
            "CREATE VIRTUAL TABLE session USING fts5(id, payload)",
        ],
    )
    def test_computed_sessions_are_refused(self, tmp_path: Path, statement: str) -> None:
        assert UNSAFE in reason(compressed(database(tmp_path, statement)))

    @pytest.mark.parametrize("kind", ["table", "index"])
    def test_disguised_virtual_table_is_refused(self, tmp_path: Path, kind: str) -> None:
        path = rewritten(
            database(tmp_path, TABLE),
            "INSERT INTO sqlite_master VALUES (?, 'v', 'v', 0, ?)",
            kind,
            "CREATE/**/VIRTUAL TABLE v USING fts5(a)",
        )
        # SQLite refuses an index of this kind before we do.
        assert (UNSAFE if kind == "table" else DAMAGED) in reason(compressed(path))

    @pytest.mark.parametrize(
        "statement",
        ["CREATE TABLE other (id text, payload text)", "CREATE TABLE session (id text)"],
    )
    def test_other_tables_are_refused(self, tmp_path: Path, statement: str) -> None:
        assert NO_SESSIONS in reason(compressed(database(tmp_path, statement)))

    def test_malformed_schema_is_refused(self, tmp_path: Path) -> None:
        path = rewritten(
            database(tmp_path, TABLE), "UPDATE sqlite_master SET sql = 'CREATE TABLE session (('"
        )
        assert DAMAGED in reason(compressed(path))


class TestDamage:
    def test_pages_of_noise_are_refused(self, tmp_path: Path) -> None:
        rows = [(str(number), 0, "x" * 500) for number in range(500)]
        data = bytearray(database(tmp_path, TABLE, rows=rows).read_bytes())
        data[4096 * 2 :] = b"\xff" * (len(data) - 4096 * 2)
        assert DAMAGED in reason(BytesIO(gzip.compress(bytes(data))))

    @settings(
        max_examples=30,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(position=st.integers(16, 20_000), noise=st.binary(min_size=1, max_size=200))
    def test_any_bytes_are_read_or_refused(
        self, tmp_path: Path, position: int, noise: bytes
    ) -> None:
        rows = [(str(number), 0, json.dumps({"id": number})) for number in range(200)]
        data = bytearray(database(tmp_path, TABLE, rows=rows).read_bytes())
        data[position : position + len(noise)] = noise
        # Anything but these is a failure.
        with contextlib.suppress(UnreadableFile):
            assert len(list(sessions(BytesIO(gzip.compress(bytes(data)))))) <= 200


class TestLimits:
    def test_slow_process_is_killed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        program = tmp_path / "endless.py"
        program.write_text("import time\nprint('{}', flush=True)\ntime.sleep(1000)\n")
        monkeypatch.setattr(database_reader, "__file__", str(program))
        monkeypatch.setattr(sandbox, "WALL_SECONDS", 1)
        assert TOO_LARGE in reason(compressed(database(tmp_path, TABLE)))

    @pytest.mark.parametrize("output", ["x", "[]", '{"a":', '{"end": "?"}', ""])
    def test_output_is_not_trusted(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str
    ) -> None:
        program = tmp_path / "other.py"
        program.write_text(f"print({output!r})\n")
        monkeypatch.setattr(database_reader, "__file__", str(program))
        message = reason(compressed(database(tmp_path, TABLE)))
        assert TOO_LARGE in message or DAMAGED in message

    def test_number_of_sessions_is_limited(self, tmp_path: Path) -> None:
        rows = [(str(number), 0, "") for number in range(database_reader.MAX_SESSIONS + 1)]
        assert TOO_LARGE in reason(compressed(database(tmp_path, TABLE, rows=rows)))

    def test_process_has_no_secrets_and_cannot_write(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        program = tmp_path / "curious.py"
        folder = Path(database_reader.__file__).parent
        program.write_text(
            "import json, os, sys\n"
            f"sys.path.append({str(folder)!r})\n"
            "import database_reader as database\n"
            "database._limit_process()\n"
            "try:\n"
            "    with open(sys.argv[1] + '-other', 'w') as file:\n"
            "        file.write('x')\n"
            "    error = ''\n"
            "except OSError as failed:\n"
            "    error = type(failed).__name__\n"
            "try:\n"
            "    error += ' ' + str(len(bytearray(2 * database.MEMORY_BYTES)))\n"
            "except MemoryError:\n"
            "    error += ' MemoryError'\n"
            "print(json.dumps({'id': error, 'payload': sorted(os.environ)}))\n"
            "print(json.dumps({'end': ''}))\n"
            "os.unlink(sys.argv[1] + '-other')\n"
        )
        monkeypatch.setenv("DATABASE_URL", "secret")
        monkeypatch.setattr(database_reader, "__file__", str(program))
        [found] = sessions(compressed(database(tmp_path, TABLE)))
        assert found["id"] == "OSError MemoryError"
        assert "DATABASE_URL" not in found["payload"]

    def test_program_needs_only_the_standard_library(self, tmp_path: Path) -> None:
        path = database(tmp_path, TABLE, rows=[("a", 0, "{}")])
        command = [sys.executable, "-I", "-S", database_reader.__file__, str(path)]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        assert output.splitlines() == [
            '{"id": "a", "payload": "{}", "active": false}',
            '{"end": ""}',
        ]
