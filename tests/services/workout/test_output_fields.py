"""Fields that the server sets: times, etag, source and counts."""

import datetime as dt
from typing import Any

from tests.services.workout.diary import CHANGED, FIELDS, Diary, Workout
from tests.services.workout.training import EXERCISES, messages, squats


def time_of(workout: Workout, name: str) -> dt.datetime:
    found: dt.datetime = getattr(workout, name).ToDatetime(dt.UTC)
    return found


class TestOutputFields:
    async def test_describe_new_workout(self, diary: Diary) -> None:
        before = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=5)
        workout = await diary.create()
        after = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=5)
        assert before < time_of(workout, "create_time") < after
        assert time_of(workout, "update_time") - time_of(workout, "create_time") < dt.timedelta(
            seconds=1
        )
        assert workout.etag
        assert (workout.source, workout.exercise_count, workout.set_count) == ("", 0, 0)

    async def test_follow_change(self, diary: Diary) -> None:
        workout = await diary.create()
        changed = await diary.patch(workout.id, exercises=messages(EXERCISES))
        assert changed.create_time == workout.create_time
        assert time_of(changed, "update_time") > time_of(workout, "update_time")
        assert (changed.exercise_count, changed.set_count) == (4, 11)
        again = await diary.patch(workout.id, notes="new")
        assert again.create_time == workout.create_time
        assert time_of(again, "update_time") > time_of(changed, "update_time")
        assert await diary.get(workout.id) == again

    async def test_ignore_what_client_sends(self, diary: Diary) -> None:
        workout = await diary.create()
        replaced = await diary.replace(workout.id, **FIELDS)
        assert (replaced.source, replaced.create_time) == ("", workout.create_time)


class TestEtag:
    async def test_changes_with_each_field(self, diary: Diary) -> None:
        workout = await diary.create()
        etags = {workout.etag}
        changes: list[dict[str, Any]] = [
            *({name: value} for name, value in CHANGED.items()),
            {"start_time": "2026-02-07T18:30:00Z"},
            {"exercises": squats(100)},
            {"exercises": squats(100.001)},
            {"exercises": squats(100, sets=2)},
            {"exercises": messages([{"name": "squat"}])},
        ]
        for change in changes:
            workout = await diary.patch(workout.id, **change)
            assert workout.etag not in etags
            etags.add(workout.etag)

    async def test_is_equal_for_equal_contents(self, diary: Diary) -> None:
        exercises = messages(EXERCISES)
        workout = await diary.create(exercises=exercises)
        await diary.patch(workout.id, exercises=squats(1), notes="x")
        back = await diary.patch(workout.id, exercises=exercises, notes=FIELDS["notes"])
        assert back.etag == workout.etag
        assert (await diary.patch(workout.id)).etag == workout.etag
        assert (await diary.create(exercises=exercises)).etag == workout.etag
        (listed, _) = await diary.all()
        assert listed.etag == workout.etag
