"""DeleteWorkout."""

import asyncio

from grpc import StatusCode

from server.programs.demo.transport import CallError
from tests.services.workout.diary import Diary
from tests.support.client import refused


class TestDeleteWorkout:
    async def test_removes_only_that_workout(self, diary: Diary) -> None:
        gone, stays = await diary.create(), await diary.create()
        await diary.delete(gone.id)
        assert await diary.all() == [stays]
        for call in (diary.get, diary.delete, diary.patch):
            with refused(StatusCode.NOT_FOUND):
                await call(gone.id)

    async def test_succeeds_once_for_10_concurrent_calls(self, diary: Diary) -> None:
        workout = await diary.create()
        calls = [diary.delete(workout.id) for _ in range(10)]
        responses = await asyncio.gather(*calls, return_exceptions=True)
        errors = [response for response in responses if isinstance(response, CallError)]
        assert [error.code for error in errors] == [StatusCode.NOT_FOUND] * 9
