"""ListWorkouts: filters by date and type, over every transport."""

import httpx2
import pytest

from tests.services.workout.diary import Diary, over_grpc, violates
from tests.services.workout.lists import DATES, dates_of, written

RANGES = [
    ("", "", [9, 8, 7, 6]),
    ("2026-02-07", "", [9, 8, 7]),
    ("", "2026-02-07", [7, 6]),
    ("2026-02-07", "2026-02-08", [8, 7]),
    ("2026-02-08", "2026-02-08", [8]),
    ("2026-02-10", "", []),
    ("", "2026-02-05", []),
    ("2026-02-09", "2026-02-06", []),
    ("0001-01-01", "9999-12-31", [9, 8, 7, 6]),
]


class TestDateRange:
    async def test_includes_both_ends(self, diary: Diary) -> None:
        await written(diary, "2026-02-06", "2026-02-07", "2026-02-08", "2026-02-09")
        for start, end, days in RANGES:
            for page_size in (1, 100):
                listed = await diary.all(page_size=page_size, start_date=start, end_date=end)
                assert dates_of(listed) == [f"2026-02-0{day}" for day in days]


class TestType:
    @pytest.mark.parametrize(
        ("spellings", "others"),
        [
            (["Running", "running", "RUNNING"], ["Runnin", "Run%", "R_nning", ".*"]),
            (["Straße", "STRASSE", "strasse", "STRAẞE"], ["Strase"]),
            (["Übung", "übung", "U\u0308bung", "u\u0308BUNG"], ["Ubung"]),
            (["ΟΔΟΣ", "οδος", "οδοσ"], ["οδο"]),
            (["Leg day", "LEG DAY"], ["Leg+day", "Leg%20day", "Legday"]),
        ],
        ids=lambda texts: ascii(texts[0]),
    )
    async def test_is_matched_in_any_case_and_returned_as_typed(
        self, diary: Diary, spellings: list[str], others: list[str]
    ) -> None:
        for type_ in [*spellings, *others]:
            await diary.create(type=type_)
        for type_ in spellings:
            found = await diary.all(page_size=2, type=type_)
            assert [workout.type for workout in found] == spellings[::-1]
        for type_ in others:
            assert [workout.type for workout in await diary.all(type=type_)] == [type_]

    async def test_rejects_invalid_type(self, diary: Diary) -> None:
        for wrong in ("x" * 101, "\0"):
            with violates("type"):
                await diary.page(type=wrong)
            with violates("type"):
                await diary.stats(type=wrong)

    @over_grpc
    @pytest.mark.parametrize("spelt", ["Leg%20day", "Leg+day", "leg%20DAY", "%4Ceg%20day"])
    async def test_accepts_either_encoding_of_space(
        self, diary: Diary, rest: httpx2.AsyncClient, spelt: str
    ) -> None:
        rest.headers.update(dict(diary.credentials))
        workout = await diary.create(type="Leg day")
        (found,) = (await rest.get(f"/workouts?type={spelt}")).json()["workouts"]
        assert found["id"] == workout.id


class TestFilters:
    async def test_combine_on_every_page(self, diary: Diary) -> None:
        for date in DATES:
            for type_ in ("Run", "Yoga"):
                await diary.create(date=date, type=type_)
        found = await diary.all(
            page_size=1, type="run", start_date="2026-02-08", end_date="2026-02-09"
        )
        assert dates_of(found) == ["2026-02-09", "2026-02-09", "2026-02-08"]
        assert {workout.type for workout in found} == {"Run"}

    async def test_match_current_values(self, diary: Diary) -> None:
        workout = await diary.create(type="Run")
        await diary.patch(workout.id, type="Yoga", date="2025-01-01")
        assert await diary.all(type="run") == []
        (found,) = await diary.all(type="YOGA", end_date="2025-01-01")
        assert found.id == workout.id
