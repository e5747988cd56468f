"""Workouts from arguments and options."""

from gymlocker.v2 import training_pb2, workout_pb2

from server.programs.client.typed import Changes, changed

NOTHING = Changes(None, None, None, None, None, None)
EXERCISE = training_pb2.WorkoutExercise(name="a")
BEFORE = workout_pb2.Workout(
    date="2026-02-07", type="Push", duration=65, start_time="2026-02-07T18:30:00+01:00"
)


class TestChanged:
    def test_start_moves_with_date(self) -> None:
        after = changed(BEFORE, Changes("2026-03-01", None, None, None, None, None), "kg")
        assert (after.date, after.start_time) == ("2026-03-01", "2026-03-01T18:30:00+01:00")

    def test_start_of_another_day_stays(self) -> None:
        before = workout_pb2.Workout(date="2026-02-06", start_time="2026-02-07T00:10:00Z")
        after = changed(before, Changes("2026-03-01", None, None, None, None, None), "kg")
        assert after.start_time == "2026-02-07T00:10:00Z"

    def test_empty_text_clears(self) -> None:
        before = workout_pb2.Workout(exercises=[EXERCISE], notes="b", start_time="c")
        after = changed(before, Changes(None, None, None, "", "", [""]), "kg")
        assert after == workout_pb2.Workout()

    def test_nothing_given_changes_nothing(self) -> None:
        assert changed(BEFORE, NOTHING, "kg") == BEFORE
        assert not NOTHING.any
        assert Changes(None, None, None, "", None, None).any
