"""Sending a file of workouts, piece by piece: never is more of it in memory than one piece."""

import asyncio
import os
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

import grpc
from google.api.httpbody_pb2 import HttpBody
from grpc import aio
from gymlocker.v2 import auth_pb2, workout_pb2

from server.errors import StartError
from server.programs.client.channel import BROKEN, Refused
from server.programs.client.connection import Connection

PIECE_BYTES = 256 * 1024
# The contract's. It is kept here, and the token is tried, before anything is sent: a refusal that
# comes while we are writing may be lost on us (https://github.com/grpc/grpc/issues/36066).
MAX_BYTES = 16 * 1024 * 1024
STDIN = 0
STDIN_NAME = "-"


class Source:
    """A file to import. `size` is its bytes, None where only the end will tell."""

    def __init__(self, name: str, file: FileIO) -> None:
        state = os.fstat(file.fileno())
        self.name = name
        self.file = file
        self.size = state.st_size if stat.S_ISREG(state.st_mode) else None
        self._begin = file.tell() if self.size is not None else None
        self.is_begun = False

    def begin(self) -> None:
        """Goes to the beginning. Raises StartError if that is gone."""
        if self.is_begun and self._begin is None:
            raise StartError("The session had to be renewed: run the command again.")
        if self._begin is not None:
            self.file.seek(self._begin)
        self.is_begun = True


@contextmanager
def opened(name: str) -> Iterator[Source]:
    """The file of this name, or the standard input. Raises StartError."""
    with _opened(name) as file:
        yield Source("(standard input)" if name == STDIN_NAME else name, file)


def _opened(name: str) -> FileIO:
    try:
        # One read is one system call: what comes through a pipe is passed on as it comes.
        return FileIO(STDIN, closefd=False) if name == STDIN_NAME else FileIO(Path(name))
    except FileNotFoundError:
        raise StartError(f"There is no file {name}.") from None
    except IsADirectoryError:
        raise StartError(f"{name} is a folder: give the file that the app exported.") from None
    except OSError as error:
        raise StartError(f"{name} cannot be read ({error.strerror}).") from error


async def send(
    connection: Connection,
    source: Source,
    options: workout_pb2.ImportWorkoutsRequest,
    sent: Callable[[int], None],
) -> workout_pb2.ImportWorkoutsResponse:
    """Imports a file as `options` say; `sent` is told how many bytes went each time.

    Raises StartError.
    """
    if source.size is not None and source.size > MAX_BYTES:
        raise _too_large(source)
    await connection.call(connection.accounts.GetMe, auth_pb2.GetMeRequest())
    is_in_flight = False

    async def attempt(metadata: aio.Metadata) -> workout_pb2.ImportWorkoutsResponse:
        nonlocal is_in_flight
        source.begin()
        call = connection.workouts.ImportWorkouts(metadata=metadata)
        try:
            # If it ended before the file did, why is read below.
            with suppress(asyncio.InvalidStateError):
                await call.write(options)
                is_in_flight = True
                async for piece in _pieces(source):
                    await call.write(_message(piece))
                    sent(len(piece))
                await call.done_writing()
            return await call
        finally:
            call.cancel()

    try:
        return await connection.authorized(attempt)
    except Refused as error:
        raise _explained(error, source) if is_in_flight else error from error


def _message(piece: bytes) -> workout_pb2.ImportWorkoutsRequest:
    return workout_pb2.ImportWorkoutsRequest(file=HttpBody(data=piece))


async def _pieces(source: Source) -> AsyncIterator[bytes]:
    size = 0
    while True:
        await _readable(source.file)
        try:
            piece = source.file.read(PIECE_BYTES)
        except OSError as error:
            raise StartError(f"{source.name} cannot be read ({error.strerror}).") from error
        # None: it was nothing after all.
        if piece == b"":
            return
        size += len(piece or b"")
        if size > MAX_BYTES:
            raise _too_large(source)
        if piece:
            yield piece


async def _readable(file: FileIO) -> None:
    """Waits until there is something to read, so that Ctrl-C need not wait for it."""
    loop = asyncio.get_running_loop()
    there = asyncio.Event()
    try:
        loop.add_reader(file.fileno(), there.set)
    except PermissionError:
        # On a disk, there always is.
        return
    try:
        await there.wait()
    finally:
        loop.remove_reader(file.fileno())


def _too_large(source: Source) -> StartError:
    most = MAX_BYTES // 2**20
    return StartError(
        f"{source.name} is larger than {most} MiB: divide it, each part with the header line."
    )


def _explained(error: Refused, source: Source) -> StartError:
    if error.code == grpc.StatusCode.INVALID_ARGUMENT and error.said.startswith("file: "):
        return StartError(f"{source.name} was not imported: {error.said.removeprefix('file: ')}")
    if error.code in (grpc.StatusCode.UNAVAILABLE, *BROKEN):
        return StartError(
            f"The server broke off ({error.said}), and whether {source.name} was imported is not "
            "known: import it again, which adds nothing twice."
        )
    return error
