"""Importing a file: receive it, parse it off the event loop, and add its new workouts."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

from gymlocker.v2 import workout_pb2

from server.errors import InvalidArgument
from server.services.workout.formats.model import Format, ReadFile, UnreadableFile
from server.services.workout.formats.read import read_file
from server.services.workout.import_repository import ImportRepository
from server.services.workout.upload import Upload, Uploads

MAX_FILE_BYTES = 16 * 1024 * 1024
DEFAULT_DURATION = 60


class Importer:
    """Importer of files: received concurrently, processed one at a time."""

    def __init__(self, workouts: ImportRepository, uploads: Uploads) -> None:
        self._workouts = workouts
        self._uploads = uploads
        # Parsing a large file takes seconds of a core and ten times its size in memory.
        self._processing = asyncio.Lock()

    async def run(
        self,
        owner_id: UUID,
        network: str,
        requests: AsyncIterator[workout_pb2.ImportWorkoutsRequest],
    ) -> workout_pb2.ImportWorkoutsResponse:
        """Import the file in `requests` with the options of the first request."""
        with self._uploads.acquire(owner_id, network) as upload:
            options, data = await _read_upload(upload, requests)
            async with self._processing:
                read = await self._read(data, options)
                added, existing = await self._add(owner_id, read, options)
        problems = [
            workout_pb2.ImportProblem(line=problem.line, message=problem.message)
            for problem in read.problems
        ]
        return workout_pb2.ImportWorkoutsResponse(
            format=read.format.value,
            added=added,
            existing=existing,
            assumed_durations=sum(workout.duration_assumed for workout in read.workouts),
            problems=problems,
            problem_count=read.problems.total,
        )

    async def _read(self, data: bytes, options: workout_pb2.ImportWorkoutsRequest) -> ReadFile:
        try:
            return await asyncio.to_thread(
                read_file,
                data,
                format=Format(options.format) if options.format else None,
                default_duration=options.default_duration or DEFAULT_DURATION,
            )
        except UnreadableFile as error:
            raise _invalid_file(str(error)) from None

    async def _add(
        self, owner_id: UUID, read: ReadFile, options: workout_pb2.ImportWorkoutsRequest
    ) -> tuple[int, int]:
        """Add the workouts unless `options` forbid it; return the numbers of new and known ones."""
        new = [line.workout for line in read.workouts]
        if options.all_or_nothing and read.problems:
            return 0, await self._workouts.count_existing(owner_id, new)
        if options.dry_run:
            existing = await self._workouts.count_existing(owner_id, new)
            return len(new) - existing, existing
        added = await self._workouts.add_many(owner_id, new)
        return added, len(new) - added


async def _read_upload(
    upload: Upload, requests: AsyncIterator[workout_pb2.ImportWorkoutsRequest]
) -> tuple[workout_pb2.ImportWorkoutsRequest, bytes]:
    """Return the first request and the file. Raises InvalidArgument if the file is too large."""
    first = None
    data = bytearray()
    async with upload.receiving():
        async for request in requests:
            first = first or request
            data += request.file.data
            upload.received(len(request.file.data))
            if len(data) > MAX_FILE_BYTES:
                raise _invalid_file(
                    f"must not be larger than {MAX_FILE_BYTES // 2**20} MiB; split it and repeat "
                    "the header line in each part"
                )
    return first or workout_pb2.ImportWorkoutsRequest(), bytes(data)


def _invalid_file(problem: str) -> InvalidArgument:
    text = f"file: {problem}"
    return InvalidArgument(text, violations=[("file", text)])
