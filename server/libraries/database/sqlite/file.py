"""A SQLite file that is read without changing it.

LiftLog's server writes to a log beside the file (WAL). If there is one with content, SQLite reads
both. If not, the file is opened as immutable: SQLite would otherwise create files beside it, and
could not read it in a folder that is read-only. Nothing then locks the file, so it is compared
before and after.
"""

import fcntl
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from server.errors import StartError

_MAGIC = b"SQLite format 3\0"
_GZIP = b"\x1f\x8b"
# The bytes that every connection of SQLite locks while it uses the file: see SQLite's os.h.
_SHARED_FIRST = 0x40000002
_SHARED_SIZE = 510
# Of one value. LiftLog's largest, a profile picture, has 2 MB.
_MAX_VALUE_BYTES = 64 * 1024 * 1024
# As SQLite recommends for files of unknown origin (sqlite.org/security.html).
_PRAGMAS = (
    *("trusted_schema = OFF", "query_only = ON", "cell_size_check = ON"),
    *("mmap_size = 0", "temp_store = MEMORY"),
)
STOP_LIFTLOG = "Stop LiftLog's server, then try again."


@dataclass(frozen=True)
class SqliteFile:
    """An open file: a snapshot of its content."""

    path: Path
    connection: sqlite3.Connection
    _state: tuple[tuple[int, int] | None, ...]

    def require_unchanged(self) -> None:
        """Raise StartError if something was written to the file since it was opened."""
        if _state_of(self.path) != self._state:
            raise StartError(
                f"{self.path} was changed while it was read. Nothing was brought in. {STOP_LIFTLOG}"
            )


@contextmanager
def opened(path: Path) -> Iterator[SqliteFile]:
    """Open a SQLite database and check that it is whole.

    Raises StartError if that fails, also for SQLite's errors while it is open.
    """
    path = path.absolute()
    _require_sqlite(path)
    _require_unused(path)
    if _has_content(_beside(path, "-journal")):
        raise StartError(
            f"{path} has an unfinished change, in {path.name}-journal. Start LiftLog's server once "
            "to complete it, stop the server, then try again."
        )
    state = _state_of(path)
    try:
        with closing(_connect(path)) as connection:
            _require_whole(path, connection)
            yield SqliteFile(path, connection, state)
    except sqlite3.Error as error:
        raise StartError(
            f"{path} cannot be read as a SQLite database: {error}. Copy it again, together with "
            f"{path.name}-wal if there is one, into a folder that you may write to."
        ) from error


def _require_sqlite(path: Path) -> None:
    try:
        # Opening a named pipe would wait for a writer.
        if path.is_dir():
            raise StartError(f"{path} is a folder: name the database in it.")
        if not stat.S_ISREG(path.stat().st_mode):
            raise StartError(f"{path} is no file: name LiftLog's database.")
        with path.open("rb") as file:
            start = file.read(len(_MAGIC))
    except OSError as error:
        raise StartError(
            f"{path} cannot be read ({error.strerror}): check the path and its permissions."
        ) from error
    if start.startswith(_GZIP):
        raise StartError(
            f"{path} is compressed. If it is a backup of LiftLog's app, import it into an account: "
            "gymlocker workouts import FILE."
        )
    if start != _MAGIC:
        raise StartError(
            f"{path} is no SQLite database, or it is encrypted: name the file in LiftLog's "
            "Database__ConnectionString (Data Source=…)."
        )


def _require_unused(path: Path) -> None:
    """Raise StartError if another process has a lock on the file.

    An idle server may have none. Then a change is noticed afterwards, by `require_unchanged`.
    """
    # Without the permission to write, and on some file systems, locks cannot be tried.
    with suppress(OSError), path.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _SHARED_SIZE, _SHARED_FIRST)
        except BlockingIOError:
            raise StartError(f"{path} is in use by another program. {STOP_LIFTLOG}") from None


def _connect(path: Path) -> sqlite3.Connection:
    mode = "mode=ro" if _has_content(_beside(path, "-wal")) else "mode=ro&immutable=1"
    # Resolved, for SQLite's own files are beside the target of a link.
    uri = f"{path.resolve().as_uri()}?{mode}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE_BYTES)
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    # Text that is not UTF-8 is found by the check of its row, which can name it.
    connection.text_factory = lambda data: data.decode(errors="surrogateescape")
    # One snapshot for all that is read.
    connection.execute("BEGIN")
    return connection


def _require_whole(path: Path, connection: sqlite3.Connection) -> None:
    [problem] = connection.execute("PRAGMA quick_check(1)").fetchone()
    if problem != "ok":
        raise StartError(
            f"{path} is damaged ({' '.join(problem.split())}): restore it from a backup, or repair "
            "a copy with `sqlite3 FILE .recover`."
        )


def _state_of(path: Path) -> tuple[tuple[int, int] | None, ...]:
    """Return size and time of change of the file and its log; None for one without content."""
    return tuple(_size_and_time(one) for one in (path, _beside(path, "-wal")))


def _size_and_time(path: Path) -> tuple[int, int] | None:
    with suppress(FileNotFoundError):
        found = path.stat()
        return (found.st_size, found.st_mtime_ns) if found.st_size else None
    return None


def _has_content(path: Path) -> bool:
    return _size_and_time(path) is not None


def _beside(path: Path, suffix: str) -> Path:
    return Path(os.fspath(path.resolve()) + suffix)
