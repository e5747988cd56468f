"""ExerciseService: figures of the exercises in a training log."""

import datetime as dt

from gymlocker.v2 import exercise_pb2, exercise_pb2_grpc

from server.libraries.rpc.context import Context, caller
from server.libraries.rpc.conversions import date_of
from server.services.exercise.page_token import decode_page_token, encode_page_token
from server.services.exercise.repository import ExerciseRepository

DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE = 50, 100
DEFAULT_UNIT = "kg"


class ExerciseService(exercise_pb2_grpc.ExerciseServiceServicer):
    """Servicer of ExerciseService."""

    def __init__(self, exercises: ExerciseRepository) -> None:
        self._exercises = exercises

    async def ListExercises(
        self, request: exercise_pb2.ListExercisesRequest, context: Context
    ) -> exercise_pb2.ListExercisesResponse:
        """Return a page of exercises."""
        part = request.q.strip()
        after = decode_page_token(request.page_token, part) if request.page_token else ""
        size = min(request.page_size or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)
        # One more row shows whether there is a next page.
        rows = await self._exercises.page(
            caller().user_id, part, after, size + 1, request.unit or DEFAULT_UNIT
        )
        page = rows[:size]
        return exercise_pb2.ListExercisesResponse(
            exercises=[summary for _, summary in page],
            next_page_token=encode_page_token(page[-1][0], part) if len(rows) > size else "",
        )

    async def GetExerciseProgress(
        self, request: exercise_pb2.GetExerciseProgressRequest, context: Context
    ) -> exercise_pb2.GetExerciseProgressResponse:
        """Return a point for each workout with an exercise."""
        points = await self._exercises.progress(
            caller().user_id,
            request.name.strip(),
            date_of(request.start_date, "start_date") if request.start_date else dt.date.min,
            date_of(request.end_date, "end_date") if request.end_date else dt.date.max,
            request.unit or DEFAULT_UNIT,
        )
        return exercise_pb2.GetExerciseProgressResponse(points=points)

    async def ListRecords(
        self, request: exercise_pb2.ListRecordsRequest, context: Context
    ) -> exercise_pb2.ListRecordsResponse:
        """Return the records of one exercise, or of all."""
        records = await self._exercises.records(
            caller().user_id, request.name.strip(), request.unit or DEFAULT_UNIT
        )
        return exercise_pb2.ListRecordsResponse(records=records)
