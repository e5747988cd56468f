"""A program that reads the sessions of a LiftLog database, and trusts nothing in it.

It runs in a process of its own, with limits on memory, time and files, and imports the standard
library alone. Its argument is the path of a file, which it unlinks. On standard output it writes a
line of JSON for each session, `{"id", "payload", "active"}`, and at the end `{"end": reason}`; the
reason is "" if all was read.
"""

import contextlib
import json
import re
import resource
import signal
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

MEMORY_BYTES = 512 * 1024 * 1024
CPU_SECONDS = 30
WALL_SECONDS = 60
MAX_SESSIONS = 100_000
# Of a session: a hundred exercises of a hundred sets have 2 MiB.
MAX_PAYLOAD_BYTES = 4 * 1024 * 1024
MAX_TOTAL_BYTES = 512 * 1024 * 1024
# The reasons why a database is not read.
UNSAFE = "unsafe"
NO_SESSIONS = "no_sessions"
TOO_LARGE = "too_large"
DAMAGED = "damaged"

_REQUIRED = {"id", "payload"}
_COLUMNS = {*_REQUIRED, "active"}
# A virtual table, a trigger or a view begins otherwise, whatever kind it claims to be.
_CREATE = {
    b"table": re.compile(rb"CREATE\s+TABLE\s", re.IGNORECASE),
    b"index": re.compile(rb"CREATE\s+(?:UNIQUE\s+)?INDEX\s", re.IGNORECASE),
}
_TRUE = (1, b"1", b"true")
# As SQLite recommends for files of unknown origin (sqlite.org/security.html).
_PRAGMAS = (
    *("trusted_schema = OFF", "query_only = ON", "cell_size_check = ON"),
    *("mmap_size = 0", "temp_store = MEMORY"),
)
_LIMITS = {
    "LENGTH": 16 * 1024 * 1024,
    "SQL_LENGTH": 100_000,
    "COLUMN": 100,
    "EXPR_DEPTH": 10,
    "COMPOUND_SELECT": 3,
    "VDBE_OP": 25_000,
    "FUNCTION_ARG": 8,
    "ATTACHED": 0,
    "LIKE_PATTERN_LENGTH": 50,
    "VARIABLE_NUMBER": 10,
    "TRIGGER_DEPTH": 1,
    "WORKER_THREADS": 0,
}
_SQLITE_ERRORS = (sqlite3.Error, sqlite3.Warning, OverflowError, ValueError)


class Rejected(Exception):
    """The database is not read; the message is the reason."""


def main(path: str) -> None:
    """Write the sessions of the database at `path`."""
    _limit_process()
    try:
        with contextlib.closing(_connect(path)) as connection:
            # SQLite has opened it. If the worker is killed now, nothing stays on the disk.
            Path(path).unlink()
            reason = _write_all(connection)
    except Rejected as rejected:
        reason = str(rejected)
    except MemoryError:
        reason = TOO_LARGE
    except _SQLITE_ERRORS:
        reason = DAMAGED
    _write({"end": reason})
    sys.stdout.flush()


def _limit_process() -> None:
    # Ends this process even if the one that started it was killed.
    signal.alarm(WALL_SECONDS)
    for limit, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_AS, MEMORY_BYTES),
    ):
        # A platform may not have one of them, and lower limits may be set already.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(limit, (value, value))


def _connect(path: str) -> sqlite3.Connection:
    uri = f"file:{quote(path)}?mode=ro&immutable=1"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None)
    for name, value in _LIMITS.items():
        connection.setlimit(getattr(sqlite3, f"SQLITE_LIMIT_{name}"), value)
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    # Since Python 3.12.
    if set_config := getattr(connection, "setconfig", None):
        set_config(getattr(sqlite3, "SQLITE_DBCONFIG_DEFENSIVE"), True)  # noqa: B009
    # Texts may be anything but UTF-8.
    connection.text_factory = bytes
    return connection


def _write_all(connection: sqlite3.Connection) -> str:
    columns = _session_columns(connection)
    connection.set_authorizer(_authorize)
    active = "active" if "active" in columns else "0"
    total = 0
    # No index, for an index may contradict its table.
    rows = connection.execute(f"SELECT id, payload, {active} FROM session NOT INDEXED")  # noqa: S608
    for count, (id_, payload, is_active) in enumerate(rows):
        text = _text(payload, MAX_PAYLOAD_BYTES)
        total += len(text or "")
        if count >= MAX_SESSIONS or total > MAX_TOTAL_BYTES:
            return TOO_LARGE
        _write({"id": _text(id_, 100), "payload": text, "active": is_active in _TRUE})
    return ""


def _session_columns(connection: sqlite3.Connection) -> set[str]:
    """Return the columns of the table. Raises Rejected unless it is a plain table."""
    is_table = False
    for kind, name, sql in connection.execute("SELECT type, name, sql FROM sqlite_master"):
        if not _is_plain(kind, sql):
            raise Rejected(UNSAFE)
        is_table |= kind == b"table" and isinstance(name, bytes) and name.lower() == b"session"
    if not is_table:
        raise Rejected(NO_SESSIONS)
    columns = dict(_columns(connection))
    # Other values are those of computed columns.
    if any(columns.values()):
        raise Rejected(UNSAFE)
    if not columns.keys() >= _REQUIRED:
        raise Rejected(NO_SESSIONS)
    return set(columns)


def _is_plain(kind: object, sql: object) -> bool:
    """Check whether a part of the schema is a table or an index, and created as one."""
    # Those that SQLite makes itself have no text.
    if kind == b"index" and sql is None:
        return True
    pattern = _CREATE.get(kind) if isinstance(kind, bytes) else None
    return bool(pattern and isinstance(sql, bytes) and pattern.match(sql))


def _columns(connection: sqlite3.Connection) -> Iterator[tuple[str, int]]:
    for row in connection.execute("PRAGMA table_xinfo(session)"):
        yield row[1].decode(errors="replace").lower(), row[6]


def _authorize(
    action: int, table: str | None, column: str | None, _database: str | None, _trigger: str | None
) -> int:
    """Allow one statement, which reads three columns of one table."""
    is_read = action == sqlite3.SQLITE_READ and (table or "").lower() == "session"
    if is_read and (column or "").lower() in _COLUMNS and not _trigger:
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_OK if action == sqlite3.SQLITE_SELECT else sqlite3.SQLITE_DENY


def _text(value: object, max_bytes: int) -> str | None:
    """Return a text; None for anything else, or if it is too long."""
    if not isinstance(value, bytes) or len(value) > max_bytes:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def _write(values: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(values) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
