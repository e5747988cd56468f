"""ImportWorkouts: added, known and invalid workouts."""

import pytest
from grpc import StatusCode

from tests.services.workout.diary import Diary, Workout, entered
from tests.services.workout.files.contents import csv_of, in_chunks
from tests.services.workout.files.transports import Files, Response
from tests.support.client import refused


class TestImportWorkouts:
    @pytest.mark.parametrize("size", [1, 7, 10**9])
    async def test_accepts_chunks_of_any_size(self, diary: Diary, files: Files, size: int) -> None:
        data = csv_of("2026-02-07,Straße 🏋,30,é", '2026-02-08,Yoga,60,"one\r\ntwo"')
        response = await files.load(diary.credentials, *in_chunks(data, size))
        assert response == Response(format="gymlocker", added=2)
        yoga, run = await diary.all()
        expected = Workout(id=run.id, date="2026-02-07", type="Straße 🏋", duration=30, notes="é")
        assert entered(run) == expected
        assert (yoga.type, yoga.notes) == ("Yoga", "one\r\ntwo")

    async def test_adds_nothing_twice(self, diary: Diary, files: Files) -> None:
        first = csv_of("2026-02-07,Run,30,", "2026-02-07,Run,30,", "2026-02-08,Yoga,60,")
        assert (await files.load(diary.credentials, first)).added == 3
        workouts = await diary.all()
        again = await files.load(diary.credentials, first)
        assert (again.added, again.existing) == (0, 3)
        more = csv_of("2026-02-08,Yoga,60,", "2026-02-09,Swim,45,")
        response = await files.load(diary.credentials, more)
        assert (response.added, response.existing) == (1, 1)
        assert len(workouts) == 3
        assert [one for one in await diary.all() if one.type != "Swim"] == workouts

    async def test_adds_an_equal_row_to_a_row_with_its_id(self, diary: Diary, files: Files) -> None:
        await files.load(diary.credentials, csv_of("2026-02-07,Run,30,"))
        (workout,) = await diary.all()
        row = "2026-02-07,Run,30"
        data = f"id,date,type,duration\n{workout.id},{row}\n,{row}\n".encode()
        expected = Response(format="gymlocker", added=1, existing=1)
        assert await files.load(diary.credentials, data, dry_run=True) == expected
        assert await files.load(diary.credentials, data) == expected
        again = await files.load(diary.credentials, data)
        assert again == Response(format="gymlocker", existing=2)

    async def test_keeps_changes_made_since(self, diary: Diary, files: Files) -> None:
        await diary.create()
        file = await files.export(diary.credentials)
        (workout,) = await diary.all()
        changed = await diary.patch(workout.id, duration=99)
        assert (await files.load(diary.credentials, file.data)).edited_here == 1
        assert await diary.all() == [changed]
        await diary.delete(workout.id)
        assert (await files.load(diary.credentials, file.data)).added == 1
        assert [entered(one) for one in await diary.all()] == [entered(workout)]

    async def test_accepts_header_without_workouts(self, diary: Diary, files: Files) -> None:
        assert await files.load(diary.credentials, csv_of()) == Response(format="gymlocker")

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\r\n",
            b"{}",
            b"a,b,c\n1,2,3\n",
            b"\xff\xfe\xff",
            b"\x89PNG\r\n\x1a\n\0\0",
            b"\0" * 99,
        ],
        ids=ascii,
    )
    async def test_rejects_unknown_format(self, diary: Diary, files: Files, data: bytes) -> None:
        with refused(StatusCode.INVALID_ARGUMENT, "file"):
            await files.load(diary.credentials, data)

    async def test_keeps_files_of_two_users_apart(
        self, diary: Diary, other: Diary, files: Files
    ) -> None:
        data = csv_of("2026-02-07,Run,30,")
        for owner in (diary, other):
            assert (await files.load(owner.credentials, data)).added == 1
        (mine,) = await diary.all()
        await diary.delete(mine.id)
        assert [one.id for one in await other.all()] == [mine.id]


class TestProblems:
    async def test_reports_invalid_lines_and_adds_others(self, diary: Diary, files: Files) -> None:
        rows = [
            "2026-02-07,Run,30,",
            "2023-02-29,Run,30,",
            "2026-02-08,Run,0,",
            "2026-02-09,Run,30,",
        ]
        response = await files.load(diary.credentials, csv_of(*rows))
        assert (response.added, response.existing, response.problem_count) == (2, 0, 2)
        assert [problem.line for problem in response.problems] == [3, 4]
        assert all(problem.message for problem in response.problems)
        assert [one.date for one in await diary.all()] == ["2026-02-09", "2026-02-07"]

    async def test_lists_1000_problems_and_counts_all(self, diary: Diary, files: Files) -> None:
        rows = ["2026-02-07,Run,0,"] * 1_500
        response = await files.load(diary.credentials, csv_of(*rows, "2026-02-07,Run,30,"))
        assert [problem.line for problem in response.problems] == list(range(2, 1_002))
        assert (response.problem_count, response.added) == (1_500, 1)


class TestDryRun:
    @pytest.mark.parametrize("all_or_nothing", [False, True])
    async def test_adds_nothing_and_predicts_result(
        self, diary: Diary, files: Files, all_or_nothing: bool
    ) -> None:
        await files.load(diary.credentials, csv_of("2026-02-07,Run,30,"))
        before = await diary.all()
        for rows in (
            ["2026-02-07,Run,30,", "2026-02-08,Run,30,", "2026-02-08,Run,30,"],
            ["2026-02-07,Run,30,", "2026-02-09,Run,30,", "2023-02-29,Run,30,"],
        ):
            data, options = csv_of(*rows), {"all_or_nothing": all_or_nothing}
            predicted = await files.load(diary.credentials, data, dry_run=True, **options)
            assert await diary.all() == before
            assert await files.load(diary.credentials, data, **options) == predicted
            before = await diary.all()


class TestAllOrNothing:
    async def test_adds_nothing_if_a_line_is_invalid(self, diary: Diary, files: Files) -> None:
        good = ["2026-02-07,Run,30,", "2026-02-08,Run,30,"]
        bad = csv_of(*good, "2026-02-08,Run,x,")
        response = await files.load(diary.credentials, bad, all_or_nothing=True)
        assert (response.added, response.existing) == (0, 0)
        assert [problem.line for problem in response.problems] == [4]
        assert await diary.all() == []
        assert (await files.load(diary.credentials, csv_of(*good), all_or_nothing=True)).added == 2
