"""Importing a file: receive it, parse it off the event loop, and store its workouts."""

import asyncio
import zoneinfo
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import BinaryIO
from uuid import UUID
from weakref import WeakValueDictionary

from gymlocker.v2 import workout_pb2

from server.libraries.common.full_disk import full_disk_refused
from server.libraries.limits.transfers import Transfer, Transfers
from server.libraries.rpc.conversions import invalid_field
from server.services.workout.formats.model import Format, ReadFile, ReadOptions, UnreadableFile
from server.services.workout.formats.read import GZIP, read_file
from server.services.workout.import_repository import ImportRepository, ImportResult
from server.services.workout.multipart import PlainBody, body_of

MIB = 1024 * 1024
MAX_FILE_BYTES = 16 * MIB
# Backups are compressed.
MAX_COMPRESSED_BYTES = 64 * MIB
# Of a form, beside its file.
MAX_FORM_BYTES = 64 * 1024
DEFAULT_DURATION = 60


class Importer:
    """Importer of files: received concurrently, processed one at a time.

    Of each network, one file at a time is next in line, so those of another network wait for one
    file at the most.
    """

    def __init__(self, workouts: ImportRepository, uploads: Transfers) -> None:
        self._workouts = workouts
        self._uploads = uploads
        # Parsing a large file takes a second of a core, and several times its size in memory.
        self._processing = asyncio.Lock()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def run(
        self,
        owner_id: UUID,
        network: str,
        requests: AsyncIterator[workout_pb2.ImportWorkoutsRequest],
    ) -> workout_pb2.ImportWorkoutsResponse:
        """Import the file in `requests` with the options of the first request."""
        with self.slot(owner_id, network) as upload, TemporaryFile() as file:
            options = await _read_upload(upload, requests, file)
            return await self.import_file(owner_id, network, file, options)

    @contextmanager
    def slot(self, owner_id: UUID, network: str) -> Iterator[Transfer]:
        """Hold a slot for a file inside.

        Raises ResourceExhausted or Unavailable, also if the folder for temporary files is full, and
        InvalidArgument if the file cannot be read.
        """
        with self._uploads.acquire(owner_id, network) as upload, full_disk_refused():
            try:
                yield upload
            except UnreadableFile as error:
                raise invalid_field("file", str(error)) from None

    async def import_file(
        self,
        owner_id: UUID,
        network: str,
        file: BinaryIO,
        options: workout_pb2.ImportWorkoutsRequest,
    ) -> workout_pb2.ImportWorkoutsResponse:
        """Import a file when it is its turn; call it inside `slot`. Raises UnreadableFile."""
        _require_time_zone(options.time_zone)
        turn = self._turns.setdefault(network, asyncio.Lock())
        async with turn, self._processing:
            read = await _read(file, options)
            result = await self._store(owner_id, read, options)
        return _response(read, result)

    async def _store(
        self, owner_id: UUID, read: ReadFile, options: workout_pb2.ImportWorkoutsRequest
    ) -> ImportResult:
        """Store the workouts unless `options` forbid it."""
        keep_existing = options.on_change == "keep"
        if options.all_or_nothing and read.problems:
            found = await self._workouts.preview(owner_id, read.workouts, keep_existing=True)
            return ImportResult(existing=found.existing)
        if options.dry_run:
            return await self._workouts.preview(
                owner_id, read.workouts, keep_existing=keep_existing
            )
        return await self._workouts.store(owner_id, read.workouts, keep_existing=keep_existing)


async def _read(file: BinaryIO, options: workout_pb2.ImportWorkoutsRequest) -> ReadFile:
    """Read the file in a thread.

    A thread cannot be cancelled. A cancelled import waits for it, or those of callers who hang up
    would pile up.
    """
    file.seek(0)
    reading = asyncio.ensure_future(
        asyncio.to_thread(
            read_file,
            file,
            format=Format(options.format) if options.format else None,
            options=ReadOptions(
                options.default_duration or DEFAULT_DURATION, options.unit, options.time_zone
            ),
        )
    )
    try:
        return await asyncio.shield(reading)
    except asyncio.CancelledError:
        # The next read of a closed file fails.
        file.close()
        await asyncio.gather(reading, return_exceptions=True)
        raise


def _response(read: ReadFile, result: ImportResult) -> workout_pb2.ImportWorkoutsResponse:
    return workout_pb2.ImportWorkoutsResponse(
        format=read.format.value,
        added=result.added,
        updated=result.updated,
        existing=result.existing,
        edited_here=result.edited_here,
        assumed_durations=sum(workout.duration_assumed for workout in read.workouts),
        problems=[
            workout_pb2.ImportProblem(line=problem.line, message=problem.message)
            for problem in read.problems
        ],
        problem_count=read.problems.total,
        columns_not_read=read.columns_not_read,
        warnings=read.warnings,
    )


async def _read_upload(
    upload: Transfer, requests: AsyncIterator[workout_pb2.ImportWorkoutsRequest], file: BinaryIO
) -> workout_pb2.ImportWorkoutsRequest:
    """Write the uploaded file to `file`; return the first request.

    Raises InvalidArgument if it is too large, UnreadableFile if it is a form without a file.
    """
    options = workout_pb2.ImportWorkoutsRequest()
    body: PlainBody | None = None
    size, received, start = 0, 0, b""
    async with upload.flowing():
        async for request in requests:
            chunk = request.file.data
            upload.moved(len(chunk))
            if body is None:
                body = body_of(request.file.content_type)
                options.CopyFrom(request)
                options.ClearField("file")
            data = body.feed(chunk)
            start += data[: len(GZIP) - len(start)]
            limit = MAX_COMPRESSED_BYTES if start == GZIP else MAX_FILE_BYTES
            size += len(data)
            received += len(chunk)
            if size > limit or received > limit + MAX_FORM_BYTES:
                raise invalid_field(
                    "file",
                    f"must not be larger than {limit // MIB} MiB; split it and repeat the header "
                    "line in each part",
                )
            file.write(data)
    if body:
        body.finish()
    return options


def _require_time_zone(name: str) -> None:
    """Raise InvalidArgument if the time zone does not exist."""
    try:
        if name:
            zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        problem = f"{name!r} is not a time zone; use an IANA name such as Europe/Berlin"
        raise invalid_field("time_zone", problem) from None
