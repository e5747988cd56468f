"""The database in a LiftLog backup: inflated within limits, and read by a process of its own."""

import gzip
import json
import os
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile, gettempdir
from typing import IO, Any, BinaryIO

from server.services.workout.formats.liftlog import database_reader
from server.services.workout.formats.liftlog.database_reader import (
    DAMAGED,
    MAX_PAYLOAD_BYTES,
    NO_SESSIONS,
    TOO_LARGE,
    UNSAFE,
    WALL_SECONDS,
)
from server.services.workout.formats.model import UnreadableFile

MAX_DATABASE_BYTES = 512 * 1024 * 1024
_PREFIX = "gymlocker-liftlog-"
# Inflating takes seconds.
_ABANDONED_SECONDS = 3600
_CHUNK_BYTES = 1024 * 1024
_MAGIC = b"SQLite format 3\0"
# JSON in ASCII has six characters for a control character.
_MAX_LINE_BYTES = 6 * MAX_PAYLOAD_BYTES + 1024
# Libraries of Python itself may depend on these. Nothing else, for it may be secret.
_ENVIRONMENT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")

_EXPORT_AGAIN = "Export it from LiftLog again."
_SENTENCES = {
    UNSAFE: "The backup has triggers, views or computed tables, which LiftLog never writes, so it "
    f"was not read. {_EXPORT_AGAIN}",
    NO_SESSIONS: f"The backup has no sessions of LiftLog. {_EXPORT_AGAIN}",
    TOO_LARGE: "The backup is too large to be read. Export your workouts from LiftLog as CSV "
    "(plain text export) instead.",
    DAMAGED: f"The database in the backup is damaged. {_EXPORT_AGAIN}",
}

Session = dict[str, Any]


def sessions(file: BinaryIO, *, max_bytes: int = MAX_DATABASE_BYTES) -> Generator[Session]:
    """Yield the id, payload and state of each session in a backup. Raises UnreadableFile."""
    with _temporary_file() as database:
        _inflate(file, database, max_bytes)
        database.flush()
        yield from _read(database.name)


@contextmanager
def _temporary_file() -> Iterator[IO[bytes]]:
    """Open a file with a name, for SQLite needs one. The reader unlinks it at once."""
    _remove_abandoned()
    with NamedTemporaryFile(prefix=_PREFIX, delete=False) as file:
        try:
            yield file
        finally:
            Path(file.name).unlink(missing_ok=True)


def _remove_abandoned() -> None:
    """Remove the files of workers that were killed before a reader had opened them."""
    earliest = time.time() - _ABANDONED_SECONDS
    for path in Path(gettempdir()).glob(f"{_PREFIX}*"):
        # Another worker may remove it, too.
        with suppress(OSError):
            status = path.lstat()
            if status.st_uid == os.geteuid() and status.st_mtime < earliest:
                path.unlink()


def _inflate(file: BinaryIO, database: IO[bytes], max_bytes: int) -> None:
    size = 0
    for chunk in _inflated(file):
        if not size and not chunk.startswith(_MAGIC):
            raise UnreadableFile(
                "The backup has no SQLite database inside. Before 2026, LiftLog wrote another "
                "format: export it again with the current version of the app."
            )
        size += len(chunk)
        if size > max_bytes:
            raise UnreadableFile(_SENTENCES[TOO_LARGE])
        database.write(chunk)
    if not size:
        raise UnreadableFile(f"The backup is empty. {_EXPORT_AGAIN}")


def _inflated(file: BinaryIO) -> Iterator[bytes]:
    try:
        with gzip.GzipFile(fileobj=file) as compressed:
            while chunk := compressed.read(_CHUNK_BYTES):
                yield chunk
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise UnreadableFile(
            "The backup is incomplete or damaged: it cannot be decompressed. Download or export "
            "it again."
        ) from None


def _read(path: str) -> Generator[Session]:
    with _running(path) as process:
        output = process.stdout
        if output is None:
            raise RuntimeError("no pipe")
        while line := output.readline(_MAX_LINE_BYTES):
            values = _values(line)
            if "end" not in values:
                yield values
            elif values["end"]:
                raise UnreadableFile(_SENTENCES.get(str(values["end"]), _SENTENCES[DAMAGED]))
            else:
                return
    # It was killed: by a limit, or for the time that it took.
    raise UnreadableFile(_SENTENCES[TOO_LARGE])


def _values(line: bytes) -> Session:
    """Return a line of the output, which is not trusted either."""
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        values = None
    return values if isinstance(values, dict) else {"end": TOO_LARGE}


@contextmanager
def _running(path: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the reader of databases. It is killed at the end, or after WALL_SECONDS."""
    # Isolated from the environment, the current folder and installed packages.
    command = [sys.executable, "-I", "-S", str(Path(database_reader.__file__)), path]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
        start_new_session=True,
    ) as process:
        deadline = threading.Timer(WALL_SECONDS, process.kill)
        deadline.daemon = True
        deadline.start()
        try:
            yield process
        finally:
            deadline.cancel()
            process.kill()
