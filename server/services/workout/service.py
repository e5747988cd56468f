"""WorkoutService: the training log."""

import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import TypeVar
from uuid import UUID, uuid4, uuid5

from google.api.httpbody_pb2 import HttpBody
from gymlocker.v2 import workout_pb2, workout_pb2_grpc

from server.errors import AlreadyExists, NotFound
from server.libraries.common.cooperation import convert
from server.libraries.network.client_network import network_of
from server.libraries.rpc.context import Context, address_of, caller, values_of
from server.libraries.rpc.conversions import date_of
from server.libraries.rpc.large_responses import LargeResponses
from server.services.workout.change import change_of
from server.services.workout.changes_repository import Changes, ChangesRepository
from server.services.workout.cursor import decode_cursor, encode_cursor
from server.services.workout.etag import IfMatch, if_match
from server.services.workout.exporter import CONTENT_TYPES, chunks
from server.services.workout.importer import Importer
from server.services.workout.messages import (
    change_message,
    require_size,
    workout_message,
    workout_of,
)
from server.services.workout.model import StoredWorkout
from server.services.workout.page_statements import LAST, Filter, Page, Position
from server.services.workout.page_token import decode_page_token, encode_page_token
from server.services.workout.repository import WorkoutRepository
from server.services.workout.statistics_repository import StatsRepository
from server.services.workout.statistics_response import stats_response

DEFAULT_PAGE_SIZE = 50
# As many workouts of the maximum size as fit into 4 MiB, a gRPC client's default limit.
MAX_PAGE_SIZE = 100
DEFAULT_CHANGES, MAX_CHANGES = 100, 1_000
# Of a response with exercises, unless a single workout is larger. Small ones are built at once.
SMALL_PAGE_BYTES = 1024 * 1024
MAX_PAGE_BYTES = 8 * 1024 * 1024
IF_MATCH_KEY = "if-match"

PageT = TypeVar("PageT", Page, Changes)


class WorkoutService(workout_pb2_grpc.WorkoutServiceServicer):
    """Servicer of WorkoutService."""

    def __init__(
        self,
        workouts: WorkoutRepository,
        changes: ChangesRepository,
        stats: StatsRepository,
        importer: Importer,
        large_responses: LargeResponses,
    ) -> None:
        self._workouts = workouts
        self._changes = changes
        self._stats = stats
        self._importer = importer
        self._large_responses = large_responses

    async def CreateWorkout(
        self, request: workout_pb2.CreateWorkoutRequest, context: Context
    ) -> workout_pb2.Workout:
        """Add a workout; a repeated request adds nothing."""
        owner_id = caller().user_id
        require_size(request, "exercises")
        new = workout_of(request, _id_of(owner_id, request))
        while (stored := await self._workouts.create(owner_id, new)) is None:
            stored = await self._workouts.get(owner_id, new.id)
            if stored is not None and stored.workout == new:
                break
            # None: it was deleted in between; try again.
            if stored is not None:
                raise AlreadyExists(
                    "Another workout has this id. Choose a new one.", reason="WORKOUT_EXISTS"
                )
        return workout_message(stored)

    async def GetWorkout(
        self, request: workout_pb2.GetWorkoutRequest, context: Context
    ) -> workout_pb2.Workout:
        """Return a workout with its exercises."""
        stored = await self._workouts.get(caller().user_id, UUID(request.id))
        if stored is None:
            raise _no_such_workout()
        return workout_message(stored)

    async def ListWorkouts(
        self, request: workout_pb2.ListWorkoutsRequest, context: Context
    ) -> workout_pb2.ListWorkoutsResponse:
        """Return a page of workouts."""
        filters = _filter(request)
        before = decode_page_token(request.page_token, filters) if request.page_token else LAST
        size = min(request.page_size or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)
        read = partial(self._workouts.page, caller().user_id, filters, before, size)
        page = await (self._within_limits(read, context) if request.view == "full" else read())
        last = Position.of(page.workouts[-1]) if page.has_more else None
        return workout_pb2.ListWorkoutsResponse(
            workouts=await convert(page.workouts, workout_message, weight=_sets_of),
            next_page_token=encode_page_token(last, filters) if last else "",
        )

    async def _within_limits(
        self, read: Callable[[int], Awaitable[PageT]], context: Context
    ) -> PageT:
        """Return a page of MAX_PAGE_BYTES. Large pages are built one at a time."""
        page = await read(SMALL_PAGE_BYTES)
        if not page.is_cut:
            return page
        async with self._large_responses.acquire(context, MAX_PAGE_BYTES):
            return await read(MAX_PAGE_BYTES)

    async def UpdateWorkout(
        self, request: workout_pb2.UpdateWorkoutRequest, context: Context
    ) -> workout_pb2.Workout:
        """Replace or patch a workout."""
        stored = await self._workouts.update(
            caller().user_id, UUID(request.id), change_of(request), _if_match(request)
        )
        if stored is None:
            raise _no_such_workout()
        return workout_message(stored)

    async def DeleteWorkout(
        self, request: workout_pb2.DeleteWorkoutRequest, context: Context
    ) -> workout_pb2.DeleteWorkoutResponse:
        """Delete a workout."""
        if not await self._workouts.delete(caller().user_id, UUID(request.id), _if_match(request)):
            raise _no_such_workout()
        return workout_pb2.DeleteWorkoutResponse()

    async def ListWorkoutChanges(
        self, request: workout_pb2.ListWorkoutChangesRequest, context: Context
    ) -> workout_pb2.ListWorkoutChangesResponse:
        """Return the changes since a cursor."""
        owner_id = caller().user_id
        cursor = decode_cursor(owner_id, request.cursor) if request.cursor else None
        size = min(request.page_size or DEFAULT_CHANGES, MAX_CHANGES)
        read = partial(self._changes.get, owner_id, cursor, size)
        found = await self._within_limits(read, context)
        return workout_pb2.ListWorkoutChangesResponse(
            changes=await convert(found.changes, change_message, weight=_sets_of),
            next_cursor=encode_cursor(owner_id, found.next),
            more=found.has_more,
        )

    async def GetWorkoutStats(
        self, request: workout_pb2.GetWorkoutStatsRequest, context: Context
    ) -> workout_pb2.GetWorkoutStatsResponse:
        """Return totals, streaks, and sums per week, month and type."""
        today = date_of(request.today, "today") if request.today else dt.datetime.now(dt.UTC).date()
        stats = await self._stats.get(
            caller().user_id,
            _filter(request),
            today,
            unit=request.unit or "kg",
            week_start=request.week_start or "monday",
        )
        return stats_response(stats)

    async def ExportWorkouts(
        self, request: workout_pb2.ExportWorkoutsRequest, context: Context
    ) -> AsyncIterator[HttpBody]:
        """Stream all workouts as a file."""
        format_ = request.format or "csv"
        content_type = CONTENT_TYPES[format_]
        extension = "json" if format_ == "json" else "csv"
        disposition = f'attachment; filename="workouts.{extension}"'
        headers_sent = False
        async for chunk in chunks(self._workouts.all(caller().user_id), format_):
            if not headers_sent:
                await context.send_initial_metadata((("content-disposition", disposition),))
                headers_sent = True
            yield HttpBody(content_type=content_type, data=chunk)

    async def ImportWorkouts(
        self,
        request_iterator: AsyncIterator[workout_pb2.ImportWorkoutsRequest],
        context: Context,
    ) -> workout_pb2.ImportWorkoutsResponse:
        """Add the workouts of a file."""
        owner_id, network = caller().user_id, network_of(address_of(context))
        return await self._importer.run(owner_id, network, request_iterator)


def _if_match(
    request: workout_pb2.UpdateWorkoutRequest | workout_pb2.DeleteWorkoutRequest,
) -> IfMatch:
    return if_match([request.etag] if request.etag else values_of(IF_MATCH_KEY))


def _sets_of(change: StoredWorkout | UUID) -> int:
    return 0 if isinstance(change, UUID) else change.set_count


def _id_of(owner_id: UUID, request: workout_pb2.CreateWorkoutRequest) -> UUID:
    """Return the id of a new workout. Repeated requests get the same id."""
    if request.id:
        return UUID(request.id)
    return uuid5(owner_id, request.request_id) if request.request_id else uuid4()


def _filter(
    request: workout_pb2.ListWorkoutsRequest | workout_pb2.GetWorkoutStatsRequest,
) -> Filter:
    return Filter(
        date_of(request.start_date, "start_date") if request.start_date else dt.date.min,
        date_of(request.end_date, "end_date") if request.end_date else dt.date.max,
        request.type.strip(),
    )


def _no_such_workout() -> NotFound:
    return NotFound("There is no such workout.", reason="WORKOUT_NOT_FOUND")
