"""Downloading all workouts as a file: complete or not at all."""

import sys
from collections.abc import AsyncIterator, Callable
from typing import BinaryIO

from google.api.httpbody_pb2 import HttpBody
from grpc import aio
from gymlocker.v2 import workout_pb2

from server.errors import StartError
from server.libraries.common.atomic_file import whole_file
from server.programs.client.channel import request_failed
from server.programs.client.connection import Connection
from server.programs.client.target_file import already_exists, target_file
from server.programs.client.text import counted

STDOUT = "-"


def format_of(name: str | None, chosen: str | None) -> str:
    """Return the chosen format, or the one that the file extension implies."""
    return chosen or ("json" if name and name.lower().endswith(".json") else "csv")


async def describe(connection: Connection) -> str:
    """Return what an export receives, with the number of workouts."""
    request = workout_pb2.GetWorkoutStatsRequest()
    stats = await connection.call(connection.workouts.GetWorkoutStats, request)
    return f"Receiving {counted(stats.count, 'workout')}"


async def export(
    connection: Connection,
    format_: str,
    name: str | None,
    *,
    force: bool,
    received: Callable[[int], None] = lambda _: None,
) -> int:
    """Write all workouts to the file or to the standard output; return the number of bytes.

    `received` is called with the size of each chunk. Raises StartError, and then leaves the
    file absent or unchanged.
    """
    if name is None or name == STDOUT:
        result = "and the output is incomplete"
        return await _copy(connection, format_, sys.stdout.buffer, result, received)
    path = target_file(name, force=force, omitted=", or omit it for standard output")
    try:
        with whole_file(path, overwrite=force) as file:
            result = f"and {path} was not written"
            return await _copy(connection, format_, file, result, received)
    except FileExistsError:
        raise already_exists(path) from None
    except OSError as error:
        raise StartError(f"{path} cannot be written ({error.strerror}).") from error


async def _copy(
    connection: Connection,
    format_: str,
    file: BinaryIO,
    result: str,
    received: Callable[[int], None],
) -> int:
    request = workout_pb2.ExportWorkoutsRequest(format=format_)
    size = 0

    async def start(metadata: aio.Metadata) -> tuple[bytes, AsyncIterator[HttpBody]]:
        # Only a first chunk shows that the server has accepted the token.
        chunks = aiter(connection.workouts.ExportWorkouts(request, metadata=metadata))
        return (await anext(chunks, HttpBody())).data, chunks

    chunk, rest = await connection.authorized(start)
    size += file.write(chunk)
    received(len(chunk))
    try:
        async for body in rest:
            size += file.write(body.data)
            received(len(body.data))
    except aio.AioRpcError as error:
        file.flush()
        cause = request_failed(connection.url, error).message
        raise StartError(
            f"The transfer was interrupted ({cause}), {result}: run the command again."
        ) from error
    file.flush()
    return size
