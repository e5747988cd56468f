"""GetWorkout, and ids as every RPC accepts them."""

from tests.services.workout.diary import Diary


class TestGetWorkout:
    async def test_accepts_upper_case_id(self, diary: Diary) -> None:
        workout = await diary.create()
        name = workout.id.upper()
        assert await diary.get(name) == workout
        assert (await diary.patch(name, duration=31)).id == workout.id
        await diary.delete(name)
        assert await diary.all() == []
