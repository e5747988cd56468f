"""ListWorkouts: pages, and writes between pages, over every transport."""

import asyncio
from uuid import UUID

import asyncpg

from tests.services.workout.diary import Diary, over_grpc, violates
from tests.services.workout.lists import DATES, dates_of, written


async def many(database: asyncpg.Connection, diary: Diary, count: int) -> None:
    """Add workouts with equal creation times, on three dates."""
    await database.execute(
        """
        INSERT INTO workouts (user_id, id, date, type, type_key, duration, notes, created)
        SELECT $1, gen_random_uuid(), '2026-02-07'::date + number % 3, 'Run', 'run', 1, '', now()
        FROM generate_series(1, $2) AS number
        """,
        UUID(diary.user.id),
        count,
    )


class TestPages:
    async def test_returns_single_page_for_empty_diary(self, diary: Diary) -> None:
        for page_size in (0, 1, 100):
            page = await diary.page(page_size=page_size)
            assert (list(page.workouts), page.next_page_token) == ([], "")

    async def test_returns_each_workout_once_in_order_for_every_size(self, diary: Diary) -> None:
        expected = await written(diary, *DATES)
        count = len(expected)
        for size in range(1, count + 2):
            pages = await diary.pages(page_size=size)
            assert [workout for page in pages for workout in page] == expected
            # All pages but the last are full, and the last is never empty.
            assert len(pages) == -(-count // size)
            assert all(len(page) == size for page in pages[:-1])

    async def test_returns_each_workout_once_for_equal_times(
        self, diary: Diary, database: asyncpg.Connection
    ) -> None:
        await many(database, diary, 20)
        for size in (1, 7, 20):
            listed = await diary.all(page_size=size)
            assert len({workout.id for workout in listed}) == len(listed) == 20
            assert dates_of(listed) == sorted(dates_of(listed), reverse=True)

    async def test_defaults_to_50_and_is_capped_at_100(
        self, diary: Diary, database: asyncpg.Connection
    ) -> None:
        await many(database, diary, 200)
        for page_size, expected in [
            (0, [50, 50, 50, 50]),
            (99, [99, 99, 2]),
            (100, [100, 100]),
            (101, [100, 100]),
            (2**31 - 1, [100, 100]),
        ]:
            assert [len(page) for page in await diary.pages(page_size=page_size)] == expected

    async def test_rejects_negative_size(self, diary: Diary) -> None:
        for wrong in (-1, -(2**31)):
            with violates("page_size"):
                await diary.page(page_size=wrong)

    @over_grpc
    async def test_returns_100_workouts_of_maximum_size(
        self, diary: Diary, database: asyncpg.Connection
    ) -> None:
        await database.execute(
            """
            INSERT INTO workouts (user_id, id, date, type, type_key, duration, notes, created)
            SELECT $1, gen_random_uuid(), '2026-02-07', repeat('🏋', 100), '', 10080,
                repeat('🏋', 10000), now()
            FROM generate_series(1, 100)
            """,
            UUID(diary.user.id),
        )
        page = await diary.page(page_size=100)
        assert {workout.notes for workout in page.workouts} == {"🏋" * 10_000}
        assert len(page.workouts) == 100


class TestWritesBetweenPages:
    async def test_insert_neither_repeats_nor_hides_workouts(self, diary: Diary) -> None:
        expected = await written(diary, *DATES)
        first = await diary.page(page_size=3)
        # Before the first page, within it, and after the last one.
        for date in ("2026-02-10", "2026-02-09", "0001-01-01"):
            await diary.create(date=date)
        second = await diary.page(page_size=3, page_token=first.next_page_token)
        third = await diary.page(page_size=3, page_token=second.next_page_token)
        assert [*first.workouts, *second.workouts] == expected
        assert dates_of(list(third.workouts)) == ["0001-01-01"]

    async def test_delete_hides_no_workouts(self, diary: Diary) -> None:
        expected = await written(diary, *DATES)
        first = await diary.page(page_size=2)
        # The workout of the token's position, one before it, and one after it.
        for gone in (expected[1], expected[0], expected[3]):
            await diary.delete(gone.id)
        second = await diary.page(page_size=3, page_token=first.next_page_token)
        assert list(second.workouts) == [expected[2], *expected[4:]]
        assert second.next_page_token == ""

    @over_grpc
    async def test_concurrent_writes_hide_no_workouts(self, diary: Diary) -> None:
        expected = await written(diary, *DATES * 2)
        dates = ["2026-02-10", "2026-02-08", "2026-02-06", "2026-02-07"] * 5
        writing = asyncio.gather(*(diary.create(date=date) for date in dates))
        reading = await asyncio.gather(*(diary.all(page_size=2) for _ in range(4)))
        await writing
        for listed in reading:
            assert len({workout.id for workout in listed}) == len(listed)
            assert [workout for workout in listed if workout in expected] == expected

    async def test_page_can_be_repeated_in_another_size(self, diary: Diary) -> None:
        expected = await written(diary, *DATES)
        token = (await diary.page(page_size=1)).next_page_token
        for size in (1, 3, 100, 1):
            page = await diary.page(page_size=size, page_token=token)
            assert list(page.workouts) == expected[1 : size + 1]
