"""Uploading a file of workouts in chunks, of which only one is in memory at a time."""

import asyncio
import os
import re
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfoNotFoundError

import grpc
import tzlocal
from google.api.httpbody_pb2 import HttpBody
from grpc import aio
from gymlocker.v2 import auth_pb2, workout_pb2

from server.errors import StartError
from server.programs.client.channel import BROKEN, RequestFailed
from server.programs.client.connection import Connection

CHUNK_BYTES = 256 * 1024
# The server's limits. They are checked here, and the token is tested, before anything is sent: an
# error that arrives while we are writing may get lost
# (https://github.com/grpc/grpc/issues/36066).
MAX_BYTES = 16 * 1024 * 1024
MAX_BACKUP_BYTES = 64 * 1024 * 1024
# Every backup of LiftLog begins with it.
GZIP_MAGIC = b"\x1f\x8b"
# A field of the request as messages name it: unit=lb, time_zone.
_FIELD = re.compile(r"\b(unit|on_change|time_zone)(?:(=)|(?<=_zone)\b)")
STDIN = 0
STDIN_NAME = "-"


class Source:
    """A file to import. `size` is in bytes; None if unknown, as for a pipe."""

    def __init__(self, name: str, file: FileIO) -> None:
        state = os.fstat(file.fileno())
        self.name = name
        self.file = file
        self.size = state.st_size if stat.S_ISREG(state.st_mode) else None
        self._start = file.tell() if self.size is not None else None
        self.is_started = False
        # Of a pipe, the first chunk tells.
        self.is_backup = self.size is not None and _begins_with_magic(file)

    @property
    def max_bytes(self) -> int:
        """Return the largest size that the server accepts."""
        return MAX_BACKUP_BYTES if self.is_backup else MAX_BYTES

    def rewind(self) -> None:
        """Go to the start of the file. Raises StartError if a pipe has been read already."""
        if self.is_started and self._start is None:
            raise StartError(
                "The session had to be renewed while reading a pipe: run the command again."
            )
        if self._start is not None:
            self.file.seek(self._start)
        self.is_started = True


@contextmanager
def open_source(name: str) -> Iterator[Source]:
    """Open the file of this name, or the standard input. Raises StartError."""
    with _open(name) as file:
        yield Source("(standard input)" if name == STDIN_NAME else name, file)


def _open(name: str) -> FileIO:
    try:
        # FileIO makes one system call per read, so data from a pipe is forwarded as it arrives.
        return FileIO(STDIN, closefd=False) if name == STDIN_NAME else FileIO(Path(name))
    except FileNotFoundError:
        raise StartError(f"The file {name} does not exist: check the name.") from None
    except IsADirectoryError:
        raise StartError(f"{name} is a folder: pass the file that the app exported.") from None
    except OSError as error:
        raise StartError(f"{name} cannot be read ({error.strerror}).") from error


class Bar(Protocol):
    """A view of the progress of an import."""

    def start(self) -> None:
        """Begin, or begin again after the session was renewed."""

    def sent(self, size: int) -> None:
        """Advance by `size` bytes."""

    def done(self) -> None:
        """Show that the file is sent and the server is working."""


async def send(
    connection: Connection,
    source: Source,
    options: workout_pb2.ImportWorkoutsRequest,
    bar: Bar,
) -> workout_pb2.ImportWorkoutsResponse:
    """Import a file with `options`. Raises StartError."""
    if source.size is not None and source.size > source.max_bytes:
        raise _too_large(source)
    await connection.call(connection.accounts.GetMe, auth_pb2.GetMeRequest())
    is_in_flight = False

    async def attempt(metadata: aio.Metadata) -> workout_pb2.ImportWorkoutsResponse:
        nonlocal is_in_flight
        source.rewind()
        bar.start()
        call = connection.workouts.ImportWorkouts(metadata=metadata)
        try:
            # If the call ends before the file does, its error is raised below.
            with suppress(asyncio.InvalidStateError):
                await call.write(options)
                is_in_flight = True
                async for chunk in _chunks(source):
                    await call.write(_message(chunk))
                    bar.sent(len(chunk))
                await call.done_writing()
                bar.done()
            return await call
        finally:
            call.cancel()

    try:
        return await connection.authorized(attempt)
    except RequestFailed as error:
        raise _import_failed(error, source) if is_in_flight else error from error


def machine_zone() -> str:
    """Return the IANA name of this machine's time zone; "" if it is unknown or UTC."""
    try:
        name = tzlocal.get_localzone_name()
    except (ZoneInfoNotFoundError, ValueError):
        return ""
    return "" if name.rpartition("/")[2] in ("UTC", "") else name


def _message(chunk: bytes) -> workout_pb2.ImportWorkoutsRequest:
    return workout_pb2.ImportWorkoutsRequest(file=HttpBody(data=chunk))


async def _chunks(source: Source) -> AsyncIterator[bytes]:
    size = 0
    while True:
        await _wait_readable(source.file)
        try:
            chunk = source.file.read(CHUNK_BYTES)
        except OSError as error:
            raise StartError(f"{source.name} cannot be read ({error.strerror}).") from error
        # None: a spurious wake-up, nothing to read yet.
        if chunk == b"":
            return
        if chunk and size == 0:
            source.is_backup = chunk.startswith(GZIP_MAGIC[: len(chunk)])
        size += len(chunk or b"")
        if size > source.max_bytes:
            raise _too_large(source)
        if chunk:
            yield chunk


async def _wait_readable(file: FileIO) -> None:
    """Wait until the file is readable without blocking the event loop, so that Ctrl-C works."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    try:
        loop.add_reader(file.fileno(), readable.set)
    except PermissionError:
        # A regular file is always readable.
        return
    try:
        await readable.wait()
    finally:
        loop.remove_reader(file.fileno())


def _begins_with_magic(file: FileIO) -> bool:
    try:
        return os.pread(file.fileno(), len(GZIP_MAGIC), 0) == GZIP_MAGIC
    except OSError:
        # Reading it as usual reports the error.
        return False


def _too_large(source: Source) -> StartError:
    if source.is_backup:
        return StartError(
            f"{source.name} is larger than {MAX_BACKUP_BYTES // 2**20} MiB, the limit for backups: "
            "export CSV from the app instead."
        )
    return StartError(
        f"{source.name} is larger than {MAX_BYTES // 2**20} MiB: split it and repeat the header "
        "line in each part."
    )


def with_options(text: str) -> str:
    """Return a message of the server with the options of the command line in it."""
    return _FIELD.sub(_option, text)


def _option(field: re.Match[str]) -> str:
    option = f"--{field[1].replace('_', '-')}"
    return f"{option} " if field[2] else option


def _import_failed(error: RequestFailed, source: Source) -> StartError:
    if error.code == grpc.StatusCode.INVALID_ARGUMENT and error.message.startswith("file: "):
        reason = with_options(error.message.removeprefix("file: "))
        return StartError(f"{source.name} was not imported: {reason}")
    if error.code in (grpc.StatusCode.UNAVAILABLE, *BROKEN):
        return StartError(
            f"The import of {source.name} was interrupted ({error.message}) and its result is "
            "unknown: import the file again, which adds nothing twice."
        )
    return error
