"""ListRecords."""

from tests.services.exercise.log import Log, Set, exercise, kg, lb, run

STRENGTH = ["max_weight", "estimated_one_rep_max", "max_reps", "max_session_volume"]


class TestListRecords:
    async def test_lists_kinds_that_exercise_has(self, log: Log) -> None:
        await log.add("2026-02-07", exercise("Squat", kg(100, 5)), exercise("Run", run(5, "km", 9)))
        records = await log.records()
        assert [(one.exercise, one.kind) for one in records] == [
            ("Run", "max_distance"),
            ("Run", "max_duration"),
            *(("Squat", kind) for kind in STRENGTH),
        ]
        assert [(one.value, one.unit) for one in records] == [
            *((5000, "m"), (9, "s")),
            *((100, "kg"), (116.67, "kg"), (5, "reps"), (500, "kg")),
        ]

    async def test_names_workout_date_and_repetitions(self, log: Log) -> None:
        await log.add("2026-02-07", exercise("Squat", kg(100, 5)))
        best = await log.add("2026-02-08", exercise("squat", kg(110, 2), kg(60, 20)))
        heaviest = await log.record("max_weight", name="SQUAT")
        assert heaviest is not None
        assert (heaviest.exercise, heaviest.workout_id) == ("squat", best)
        assert (heaviest.value, heaviest.reps, heaviest.date) == (110, 2, "2026-02-08")
        volume = await log.record("max_session_volume")
        assert volume is not None
        assert volume.value == 1420
        assert not volume.HasField("reps")

    async def test_gives_ties_to_the_earliest(self, log: Log) -> None:
        await log.add("2026-02-09", exercise("Squat", kg(100, 5)))
        first = await log.add("2026-02-07", exercise("Squat", kg(100, 5)))
        await log.add("2026-02-07", exercise("Squat", kg(100, 5)))
        assert {one.workout_id for one in await log.records()} == {first}

    async def test_gives_next_best_after_deletion(self, log: Log) -> None:
        await log.add("2026-02-07", exercise("Squat", kg(100, 5)))
        best = await log.add("2026-02-08", exercise("Squat", kg(110, 6)))
        await log.delete(best)
        assert [one.value for one in await log.records()] == [100, 116.67, 5, 500]

    async def test_converts_to_pounds(self, log: Log) -> None:
        await log.add("2026-02-07", exercise("Squat", lb(225, 1), kg(1, 1)))
        records = await log.records(unit="lb")
        assert [(one.value, one.unit) for one in records] == [
            *((225, "lb"), (225, "lb"), (1, "reps"), (227.2, "lb")),
        ]

    async def test_counts_assistance_as_weight_but_not_as_volume(self, log: Log) -> None:
        await log.add("2026-02-07", exercise("Pull-up", kg(-20, 5), kg(-10, 3)))
        records = await log.records()
        assert [(one.kind, one.value) for one in records] == [("max_weight", -10), ("max_reps", 5)]

    async def test_has_no_record_of_nothing(self, log: Log) -> None:
        await log.add("2026-02-07", exercise("Squat", Set(reps=0), Set(duration_seconds=0)))
        assert await log.records() == []
        assert await log.records(name="Nothing") == []
