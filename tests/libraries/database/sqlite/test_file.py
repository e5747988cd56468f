"""Files that are opened or refused, and never changed."""

import errno
import gzip
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from server.errors import StartError
from server.libraries.database.sqlite.file import opened
from tests.libraries.database.sqlite.household import ANN, CASE, event, one_of_each, write
from tests.support.process import killed_on_error

# Keeps a connection open, as LiftLog's server does, until its input ends.
USER_OF_THE_FILE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode = WAL")
connection.execute("UPDATE users SET created = created + 1")
print("ready", flush=True)
sys.stdin.read()
if sys.argv[2] == "crash":
    import os
    os._exit(0)
"""


@contextmanager
def in_use(path: Path, end: str = "close") -> Iterator[None]:
    """Let another process use the database."""
    with killed_on_error(
        subprocess.Popen(
            [sys.executable, "-c", USER_OF_THE_FILE, str(path), end],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
    ) as process:
        assert process.stdin and process.stdout
        assert process.stdout.readline() == b"ready\n"
        yield
        process.stdin.close()


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder but the index of the log, which readers create."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".db-shm"}


def events_in(path: Path) -> int:
    with opened(path) as file:
        found: int = file.connection.execute("SELECT count(*) FROM user_events").fetchone()[0]
    return found


def refusal(path: Path) -> str:
    with pytest.raises(StartError) as raised, opened(path):
        pass
    return str(raised.value)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return write(tmp_path / "lift log?#%.db", one_of_each())


class TestOpened:
    def test_reads_file_and_leaves_folder_as_it_is(self, database: Path) -> None:
        before = contents(database.parent)
        assert events_in(database) == 1
        assert contents(database.parent) == before

    def test_reads_file_in_wal_mode_without_creating_a_log(self, database: Path) -> None:
        with in_use(database):
            pass
        before = contents(database.parent)
        assert events_in(database) == 1
        assert contents(database.parent) == before
        assert list(before) == [database.name]

    def test_reads_log_of_server_that_crashed(self, database: Path) -> None:
        with in_use(database, "crash"):
            pass
        before = contents(database.parent)
        assert len(before) == 2
        with opened(database) as file:
            [created] = file.connection.execute("SELECT created FROM users").fetchone()
        assert created == one_of_each()["users"][0]["created"] + 1
        assert contents(database.parent) == before

    def test_reads_log_beside_target_of_link(self, database: Path, tmp_path: Path) -> None:
        with in_use(database, "crash"):
            pass
        (tmp_path / "elsewhere").mkdir()
        link = tmp_path / "elsewhere" / "link.db"
        link.symlink_to(database)
        with opened(link) as file:
            [created] = file.connection.execute("SELECT created FROM users").fetchone()
        assert created == one_of_each()["users"][0]["created"] + 1

    def test_refuses_file_in_use(self, database: Path) -> None:
        with in_use(database):
            assert refusal(database).endswith(
                "is in use by another program. Stop LiftLog's server, then try again."
            )
        assert events_in(database) == 1

    def test_refuses_unfinished_change(self, database: Path) -> None:
        Path(f"{database}-journal").write_bytes(b"begun")
        assert "has an unfinished change" in refusal(database)

    def test_ignores_empty_journal(self, database: Path) -> None:
        Path(f"{database}-journal").touch()
        assert events_in(database) == 1

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            (b"", "is no SQLite database, or it is encrypted"),
            (os.urandom(4096), "is no SQLite database, or it is encrypted"),
            (b"SQLite format 2\0" + bytes(4080), "is no SQLite database, or it is encrypted"),
            (gzip.compress(b"a backup"), "gymlocker workouts import"),
            (b"SQLite format 3\0", "cannot be read as a SQLite database"),
            (b"SQLite format 3\0" + bytes(4080), "cannot be read as a SQLite database"),
            (CASE.read_bytes()[:-4096], "cannot be read as a SQLite database"),
            (CASE.read_bytes()[:5000], "cannot be read as a SQLite database"),
        ],
        ids=["empty", "random", "old", "gzip", "magic", "zeros", "a page less", "cut off"],
    )
    def test_refuses_other_content(self, tmp_path: Path, content: bytes, sentence: str) -> None:
        path = tmp_path / "file.db"
        path.write_bytes(content)
        assert sentence in refusal(path)
        assert contents(tmp_path) == {"file.db": content}

    def test_refuses_overwritten_pages(self, tmp_path: Path) -> None:
        path = write(
            tmp_path / "file.db", one_of_each() | {"user_events": [event() for _ in range(200)]}
        )
        content = bytearray(path.read_bytes())
        # Behind the schema.
        content[8192:-4096:7] = b"\xff" * len(content[8192:-4096:7])
        path.write_bytes(content)
        assert "is damaged" in refusal(path) or "cannot be read" in refusal(path)

    def test_refuses_what_is_no_file(self, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        assert "is no file" in refusal(pipe)
        assert "is a folder" in refusal(tmp_path)
        assert "No such file" in refusal(tmp_path / "missing")
        assert "Not a directory" in refusal(pipe / "missing")

    def test_refuses_unreadable_file(self, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        # By hand, for root may read every file.
        def denied(*_: object) -> None:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

        monkeypatch.setattr(Path, "open", denied)
        assert "Permission denied" in refusal(database)

    def test_reads_file_that_must_not_be_written_to(
        self, database: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        open_ = Path.open

        def read_only(path: Path, mode: str) -> object:
            if "+" in mode:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return open_(path, mode)

        monkeypatch.setattr(Path, "open", read_only)
        assert events_in(database) == 1

    def test_translates_errors_while_it_is_open(self, database: Path) -> None:
        with pytest.raises(StartError, match="too big"), opened(database) as file:
            file.connection.execute("SELECT zeroblob(100000000)").fetchone()

    def test_lets_nothing_be_written(self, database: Path) -> None:
        with pytest.raises(StartError, match="readonly"), opened(database) as file:
            file.connection.execute("DELETE FROM users")


class TestRequireUnchanged:
    def test_accepts_unchanged_file(self, database: Path) -> None:
        with opened(database) as file:
            file.require_unchanged()

    def test_rejects_file_that_was_written_to(self, database: Path) -> None:
        with opened(database) as file:
            with closing(sqlite3.connect(database)) as writer:
                writer.execute("DELETE FROM user_events WHERE user_id = ?", [str(ANN).upper()])
                writer.commit()
            with pytest.raises(StartError, match="was changed while it was read"):
                file.require_unchanged()

    def test_rejects_new_log(self, database: Path) -> None:
        with (
            opened(database) as file,
            in_use(database, "crash"),
            pytest.raises(StartError, match="was changed while it was read"),
        ):
            file.require_unchanged()
