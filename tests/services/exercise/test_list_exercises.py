"""ListExercises."""

from grpc import StatusCode

from tests.services.exercise.log import Log, Set, exercise, kg, lb, run
from tests.services.workout.diary import violates
from tests.support.client import refused


class TestListExercises:
    async def test_summarizes_each_exercise(self, log: Log) -> None:
        await log.add("2026-02-07", exercise("Squat", kg(100, 5), kg(105, 3)), exercise("Plank"))
        await log.add("2026-02-09", exercise("squat", kg(90, 12, kind="drop")))
        (squat,) = await log.exercises()
        assert (squat.name, squat.workouts, squat.sets) == ("squat", 2, 3)
        assert squat.last_date == "2026-02-09"
        assert squat.estimated_one_rep_max == 126
        assert squat.best_set == kg(90, 12, kind="drop")

    async def test_counts_working_sets_only(self, log: Log) -> None:
        await log.add(
            "2026-02-07",
            exercise("Row", kg(200, 1, kind="warmup"), kg(50, 5), kg(300, 1, completed=False)),
            exercise("Never", kg(200, 1, kind="warmup")),
        )
        (row,) = await log.exercises()
        assert (row.name, row.sets, row.best_set) == ("Row", 1, kg(50, 5))

    async def test_has_no_best_set_without_estimate(self, log: Log) -> None:
        await log.add("2026-02-07", exercise("Run", run(5, "km", 1500), kg(10, 13), kg(-10, 5)))
        (found,) = await log.exercises()
        assert not found.HasField("best_set")
        assert not found.HasField("estimated_one_rep_max")

    async def test_converts_estimate_but_not_set(self, log: Log) -> None:
        await log.add("2026-02-07", exercise("Squat", lb(225, 1)))
        (found,) = await log.exercises(unit="lb")
        assert (found.estimated_one_rep_max, found.best_set) == (225, lb(225, 1))
        (found,) = await log.exercises()
        assert (found.estimated_one_rep_max, found.best_set) == (102.06, lb(225, 1))

    async def test_lists_pages_in_order_of_names(self, log: Log) -> None:
        names = ["Zercher", "bench", "Übung", "Bench wide", "curl"]
        await log.add("2026-02-07", *(exercise(name, Set(reps=1)) for name in names))
        whole = [each.name for each in await log.exercises()]
        assert [each.name for each in await log.exercises(page_size=2)] == whole
        assert sorted(whole) == sorted(names)
        assert whole.index("bench") < whole.index("Bench wide") < whole.index("curl")

    async def test_searches_part_of_name_ignoring_case(self, log: Log) -> None:
        names = ["Bench Press", "Leg press", "Squat", "100% _x_"]
        await log.add("2026-02-07", *(exercise(name, Set(reps=1)) for name in names))
        assert {each.name for each in await log.exercises(q="PRESS")} == {
            "Bench Press",
            "Leg press",
        }
        assert [each.name for each in await log.exercises(q="% _")] == ["100% _x_"]

    async def test_rejects_token_of_other_filter(self, log: Log) -> None:
        await log.add("2026-02-07", *(exercise(name, Set(reps=1)) for name in "abc"))
        token = (await log.page(page_size=1)).next_page_token
        for wrong in ("x", "AAAA", token[:-3]):
            with violates("page_token"):
                await log.page(page_token=wrong)
        with violates("page_token"):
            await log.page(page_token=token, q="b")

    async def test_forgets_deleted_workouts(self, log: Log) -> None:
        first = await log.add(
            "2026-02-07", exercise("Squat", kg(100, 5)), exercise("Row", kg(9, 9))
        )
        await log.add("2026-02-08", exercise("Squat", kg(80, 5)))
        await log.delete(first)
        (found,) = await log.exercises()
        assert (found.name, found.workouts, found.best_set) == ("Squat", 1, kg(80, 5))

    async def test_shows_own_exercises_only(self, log: Log, other: Log) -> None:
        await other.add("2026-02-07", exercise("Squat", kg(100, 5)))
        assert await log.exercises() == []
        assert await log.records() == []
        assert await log.progress("Squat") == []

    async def test_requires_access_token(self, log: Log) -> None:
        anonymous = Log(log.client, [])
        for call in (anonymous.page(), anonymous.records(), anonymous.progress("Squat")):
            with refused(StatusCode.UNAUTHENTICATED):
                await call

    async def test_rejects_unknown_unit(self, log: Log) -> None:
        for call in (log.page(unit="st"), log.records(unit="st"), log.progress("x", unit="st")):
            with violates("unit"):
                await call
