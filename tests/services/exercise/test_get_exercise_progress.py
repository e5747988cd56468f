"""GetExerciseProgress."""

from tests.services.exercise.log import Log, Set, exercise, kg, lb, run
from tests.services.workout.diary import violates


class TestGetExerciseProgress:
    async def test_has_a_point_for_each_workout(self, log: Log) -> None:
        second = await log.add("2026-02-09", exercise("Squat", kg(100, 5), kg(102.5, 3)))
        first = await log.add(
            "2026-02-07",
            exercise("squat", kg(60, 5, kind="warmup"), kg(90, 5)),
            exercise("Row", kg(50, 8)),
            exercise("SQUAT", kg(80, 10), kg(500, 1, completed=False)),
        )
        points = await log.progress("Squat")
        assert [point.workout_id for point in points] == [first, second]
        assert [point.date for point in points] == ["2026-02-07", "2026-02-09"]
        assert [point.top_set for point in points] == [kg(90, 5), kg(102.5, 3)]
        assert [point.volume for point in points] == [1250, 807.5]
        assert [(point.sets, point.reps) for point in points] == [(2, 15), (2, 8)]
        # 80 x (1 + 10 / 30), and 100 x (1 + 5 / 30).
        assert [point.estimated_one_rep_max for point in points] == [106.67, 116.67]
        assert not points[0].HasField("distance")
        assert not points[0].HasField("duration_seconds")

    async def test_sums_distances_in_metres(self, log: Log) -> None:
        await log.add(
            "2026-02-07", exercise("Run", run(1, "mi", 600), run(400, "m"), run(100, "yd", 30))
        )
        (point,) = await log.progress("run")
        assert (point.distance, point.duration_seconds) == (2100.78, 630)
        assert (point.volume, point.reps) == (0, 0)
        assert not point.HasField("estimated_one_rep_max")
        assert point.top_set == run(1, "mi", 600)

    async def test_caps_seconds_at_maximum_of_field(self, log: Log) -> None:
        week = Set(duration_seconds=604_800)
        await log.add("2026-02-07", *[exercise("Plank", *[week] * 100)] * 36)
        (point,) = await log.progress("Plank")
        assert (point.sets, point.duration_seconds) == (3_600, 2**31 - 1)

    async def test_sums_the_most_repetitions(self, log: Log) -> None:
        await log.add("2026-02-07", *[exercise("Squat", *[Set(reps=10_000)] * 100)] * 100)
        (point,) = await log.progress("Squat")
        assert (point.sets, point.reps) == (10_000, 100_000_000)

    async def test_converts_weights_at_the_end(self, log: Log) -> None:
        await log.add("2026-02-07", exercise("Squat", lb(225, 5), lb(0.001, 1)))
        (point,) = await log.progress("Squat", unit="lb")
        assert (point.volume, point.estimated_one_rep_max) == (1125, 262.5)
        (point,) = await log.progress("Squat")
        assert (point.volume, point.estimated_one_rep_max) == (510.29, 119.07)

    async def test_rounds_half_up(self, log: Log) -> None:
        await log.add("2026-02-07", exercise("Curl", kg(0.005, 1)))
        await log.add("2026-02-08", exercise("Curl", kg(0.015, 1)))
        points = await log.progress("Curl")
        assert [point.volume for point in points] == [0.01, 0.02]

    async def test_is_within_range_of_dates(self, log: Log) -> None:
        for day in (7, 8, 9):
            await log.add(f"2026-02-0{day}", exercise("Squat", kg(day, 1)))
        points = await log.progress("Squat", start_date="2026-02-08", end_date="2026-02-08")
        assert [point.date for point in points] == ["2026-02-08"]

    async def test_prefers_more_repetitions_then_earlier_set(self, log: Log) -> None:
        sets = [kg(100, 3), kg(100, 5, notes="first"), kg(100, 5, notes="second"), kg(100)]
        await log.add("2026-02-07", exercise("Squat", *sets))
        (point,) = await log.progress("Squat")
        assert point.top_set == kg(100, 5, notes="first")

    async def test_prefers_lifted_weight_to_failed_attempt(self, log: Log) -> None:
        await log.add("2026-02-07", exercise("Squat", kg(150, 0), kg(100, 3), Set(reps=20)))
        (point,) = await log.progress("Squat")
        assert (point.top_set, point.sets) == (kg(100, 3), 3)

    async def test_follows_changes(self, log: Log) -> None:
        workout = await log.add("2026-02-07", exercise("Squat", kg(100, 5)))
        await log.move(workout, "2026-03-01")
        assert [point.date for point in await log.progress("Squat")] == ["2026-03-01"]
        await log.replace(workout, exercise("Squat", kg(50, 5)))
        assert [point.volume for point in await log.progress("Squat")] == [250]
        await log.delete(workout)
        assert await log.progress("Squat") == []

    async def test_requires_name(self, log: Log) -> None:
        for wrong in ("", "  ", "x" * 101, "a\0b"):
            with violates("name"):
                await log.progress(wrong)

    async def test_requires_existing_dates(self, log: Log) -> None:
        with violates("start_date"):
            await log.progress("x", start_date="2026-02-30")
        with violates("end_date"):
            await log.progress("x", end_date="yesterday")
