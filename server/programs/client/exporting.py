"""Receiving all workouts as a file: it is there as a whole or not at all."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from google.api.httpbody_pb2 import HttpBody
from grpc import aio
from gymlocker.v2 import workout_pb2

from server.errors import StartError
from server.libraries.common.atomic_file import whole_file
from server.programs.client.channel import refused
from server.programs.client.connection import Connection

STDOUT = "-"


def format_of(name: str | None, chosen: str | None) -> str:
    """The format of a file: the one that was chosen, else that of its name."""
    return chosen or ("json" if name and name.lower().endswith(".json") else "csv")


async def export(connection: Connection, format_: str, name: str | None, *, force: bool) -> int:
    """Writes all workouts to the file, or to the standard output; returns how many bytes.

    Raises StartError; then there is no such file, or it is what it was before.
    """
    if name is None or name == STDOUT:
        return await _copy(connection, format_, sys.stdout.buffer, "and what came is not all of it")
    path = _target(name, force=force)
    try:
        with whole_file(path, overwrite=force) as file:
            return await _copy(connection, format_, file, f"and {path} was not written")
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        raise StartError(f"{path} cannot be written ({error.strerror}).") from error


async def _copy(connection: Connection, format_: str, file: BinaryIO, result: str) -> int:
    request = workout_pb2.ExportWorkoutsRequest(format=format_)
    size = 0

    async def start(metadata: aio.Metadata) -> tuple[bytes, AsyncIterator[HttpBody]]:
        # With the first piece it is known that the server took the token.
        pieces = aiter(connection.workouts.ExportWorkouts(request, metadata=metadata))
        return (await anext(pieces, HttpBody())).data, pieces

    piece, rest = await connection.authorized(start)
    size += file.write(piece)
    try:
        async for body in rest:
            size += file.write(body.data)
    except aio.AioRpcError as error:
        file.flush()
        cause = refused(connection.url, error).said
        raise StartError(
            f"The transfer broke off ({cause}), {result}: run the command again."
        ) from error
    file.flush()
    return size


def _target(name: str, *, force: bool) -> Path:
    """Where the file is to be; raises StartError if it must not be there."""
    path = Path(name).resolve()
    if path.is_dir():
        raise StartError(f"{path} is a folder: give the name of a file.")
    if path.exists() and not path.is_file():
        raise StartError(f"{path} is no file; without a name, the output is the standard output.")
    if path.exists() and not force:
        raise _exists(path)
    if not path.parent.is_dir():
        raise StartError(f"There is no folder {path.parent}.")
    return path


def _exists(path: Path) -> StartError:
    return StartError(f"{path} exists: choose another name, or overwrite it with --force.")
