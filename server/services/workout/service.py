"""WorkoutService: the training diary."""

import datetime as dt
from collections.abc import AsyncIterator
from uuid import UUID, uuid4, uuid5

from google.api.httpbody_pb2 import HttpBody
from gymlocker.v2 import workout_pb2, workout_pb2_grpc

from server.errors import AlreadyExists, InvalidArgument, NotFound
from server.libraries.network.client_network import network_of
from server.libraries.rpc.context import Context, address_of, caller
from server.libraries.rpc.conversions import date_of
from server.services.workout.exporter import CONTENT_TYPES, chunks
from server.services.workout.importer import Importer
from server.services.workout.model import Workout
from server.services.workout.page_token import decode_page_token, encode_page_token
from server.services.workout.repository import LAST, Change, Filter, WorkoutRepository
from server.services.workout.statistics_repository import Stats, StatsRepository, Sum

# Maximum of an int32 field: 4,083 years.
MAX_TOTAL_MINUTES = 2**31 - 1
DEFAULT_PAGE_SIZE = 50
# As many workouts of the maximum size as fit into 4 MiB, a gRPC client's default limit.
MAX_PAGE_SIZE = 100


class WorkoutService(workout_pb2_grpc.WorkoutServiceServicer):
    """Servicer of WorkoutService."""

    def __init__(
        self, workouts: WorkoutRepository, stats: StatsRepository, importer: Importer
    ) -> None:
        self._workouts = workouts
        self._stats = stats
        self._importer = importer

    async def CreateWorkout(
        self, request: workout_pb2.CreateWorkoutRequest, context: Context
    ) -> workout_pb2.Workout:
        """Add a workout; a repeated request adds nothing."""
        owner_id = caller().user_id
        new = Workout(
            _id_of(owner_id, request),
            date_of(request.date, "date"),
            request.type.strip(),
            request.duration,
            request.notes,
        )
        while not await self._workouts.create(owner_id, new):
            existing = await self._workouts.get(owner_id, new.id)
            if existing == new:
                break
            # None: it was deleted in between; try again.
            if existing is not None:
                raise AlreadyExists(
                    "Another workout has this id. Choose a new one.", reason="WORKOUT_EXISTS"
                )
        return _message(new)

    async def GetWorkout(
        self, request: workout_pb2.GetWorkoutRequest, context: Context
    ) -> workout_pb2.Workout:
        """Return a workout."""
        workout = await self._workouts.get(caller().user_id, UUID(request.id))
        if workout is None:
            raise _no_such_workout()
        return _message(workout)

    async def ListWorkouts(
        self, request: workout_pb2.ListWorkoutsRequest, context: Context
    ) -> workout_pb2.ListWorkoutsResponse:
        """Return a page of workouts."""
        filters = _filter(request)
        before = decode_page_token(request.page_token, filters) if request.page_token else LAST
        size = min(request.page_size or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)
        # One more row shows whether there is a next page.
        rows = await self._workouts.page(caller().user_id, filters, before, size + 1)
        page = rows[:size]
        return workout_pb2.ListWorkoutsResponse(
            workouts=[_message(workout) for _, workout in page],
            next_page_token=encode_page_token(page[-1][0], filters) if len(rows) > size else "",
        )

    async def UpdateWorkout(
        self, request: workout_pb2.UpdateWorkoutRequest, context: Context
    ) -> workout_pb2.Workout:
        """Replace or patch a workout."""
        change = _replacement(request) if request.HasField("replacement") else _patch(request)
        workout = await self._workouts.update(caller().user_id, UUID(request.id), change)
        if workout is None:
            raise _no_such_workout()
        return _message(workout)

    async def DeleteWorkout(
        self, request: workout_pb2.DeleteWorkoutRequest, context: Context
    ) -> workout_pb2.DeleteWorkoutResponse:
        """Delete a workout."""
        if not await self._workouts.delete(caller().user_id, UUID(request.id)):
            raise _no_such_workout()
        return workout_pb2.DeleteWorkoutResponse()

    async def GetWorkoutStats(
        self, request: workout_pb2.GetWorkoutStatsRequest, context: Context
    ) -> workout_pb2.GetWorkoutStatsResponse:
        """Return totals, streaks, and sums per week, month and type."""
        today = date_of(request.today, "today") if request.today else dt.datetime.now(dt.UTC).date()
        return _stats(await self._stats.get(caller().user_id, _filter(request), today))

    async def ExportWorkouts(
        self, request: workout_pb2.ExportWorkoutsRequest, context: Context
    ) -> AsyncIterator[HttpBody]:
        """Stream all workouts as a file."""
        format_ = request.format or "csv"
        disposition = f'attachment; filename="workouts.{format_}"'
        headers_sent = False
        async for chunk in chunks(self._workouts.all(caller().user_id), format_):
            if not headers_sent:
                await context.send_initial_metadata((("content-disposition", disposition),))
                headers_sent = True
            yield HttpBody(content_type=CONTENT_TYPES[format_], data=chunk)

    async def ImportWorkouts(
        self,
        request_iterator: AsyncIterator[workout_pb2.ImportWorkoutsRequest],
        context: Context,
    ) -> workout_pb2.ImportWorkoutsResponse:
        """Add the workouts of a file."""
        owner_id, network = caller().user_id, network_of(address_of(context))
        return await self._importer.run(owner_id, network, request_iterator)


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


def _replacement(request: workout_pb2.UpdateWorkoutRequest) -> Change:
    new = request.replacement
    return Change(date_of(new.date, "replacement.date"), new.type.strip(), new.duration, new.notes)


def _patch(request: workout_pb2.UpdateWorkoutRequest) -> Change:
    """Return the change of a patch: the fields of its mask, else the fields that are set."""
    patch = request.patch
    given = {field.name for field, _ in patch.ListFields()}
    mask = set(request.update_mask.paths)
    fields = set(patch.DESCRIPTOR.fields_by_name) if "*" in mask else mask or given
    missing = fields - given - {"notes"}
    if missing:
        problems = [
            (f"patch.{name}", f"{name}: cannot be cleared; give a value")
            for name in sorted(missing)
        ]
        raise InvalidArgument(problems[0][1], violations=problems)
    return Change(
        date=date_of(patch.date, "patch.date") if "date" in fields else None,
        type=patch.type.strip() if "type" in fields else None,
        duration=patch.duration if "duration" in fields else None,
        notes=patch.notes if "notes" in fields else None,
    )


def _no_such_workout() -> NotFound:
    return NotFound("There is no such workout.", reason="WORKOUT_NOT_FOUND")


def _message(workout: Workout) -> workout_pb2.Workout:
    return workout_pb2.Workout(
        id=str(workout.id),
        date=workout.date.isoformat(),
        type=workout.type,
        duration=workout.duration,
        notes=workout.notes,
    )


def _stats(stats: Stats) -> workout_pb2.GetWorkoutStatsResponse:
    return workout_pb2.GetWorkoutStatsResponse(
        count=stats.total.count,
        minutes=_capped(stats.total.minutes),
        current_streak=stats.current_streak,
        longest_streak=stats.longest_streak,
        weeks=_periods(stats.weeks),
        months=_periods(stats.months),
        types=[
            workout_pb2.TypeStats(type=type_, count=each.count, minutes=_capped(each.minutes))
            for type_, each in stats.types.items()
        ],
    )


def _capped(minutes: int) -> int:
    return min(minutes, MAX_TOTAL_MINUTES)


def _periods(sums: dict[dt.date, Sum]) -> list[workout_pb2.PeriodStats]:
    return [
        workout_pb2.PeriodStats(
            start=start.isoformat(), count=each.count, minutes=_capped(each.minutes)
        )
        for start, each in sums.items()
    ]
