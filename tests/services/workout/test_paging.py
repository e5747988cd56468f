"""Lists page by page, and what happens between pages, over every way to call."""

import asyncio
from uuid import UUID

import asyncpg

from tests.services.workout.diary import Diary, blamed, over_grpc
from tests.services.workout.lists import DATES, dates_of, written


async def many(database: asyncpg.Connection, diary: Diary, count: int) -> None:
    """Adds workouts that were all entered at the same moment, on three dates."""
    await database.execute(
        """
        INSERT INTO workouts (user_id, id, date, type, type_key, duration, notes, created)
        SELECT $1, gen_random_uuid(), '2026-02-07'::date + number % 3, 'Run', 'run', 1, '', now()
        FROM generate_series(1, $2) AS number
        """,
        UUID(diary.user.id),
        count,
    )


# --- Pages ---


async def test_an_empty_diary_is_one_page_and_the_last(diary: Diary) -> None:
    for page_size in (0, 1, 100):
        page = await diary.page(page_size=page_size)
        assert (list(page.workouts), page.next_page_token) == ([], "")


async def test_pages_of_every_size_have_each_workout_once_and_in_order(diary: Diary) -> None:
    expected = await written(diary, *DATES)
    count = len(expected)
    for size in range(1, count + 2):
        pages = await diary.pages(page_size=size)
        assert [workout for page in pages for workout in page] == expected
        # So a page is full but for the last one, and that is never empty.
        assert len(pages) == -(-count // size)
        assert all(len(page) == size for page in pages[:-1])


async def test_workouts_of_one_moment_come_once_each(
    diary: Diary, database: asyncpg.Connection
) -> None:
    await many(database, diary, 20)
    for size in (1, 7, 20):
        listed = await diary.all(page_size=size)
        assert len({workout.id for workout in listed}) == len(listed) == 20
        assert dates_of(listed) == sorted(dates_of(listed), reverse=True)


async def test_a_page_has_50_workouts_unless_told_and_100_at_the_most(
    diary: Diary, database: asyncpg.Connection
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


async def test_a_page_of_less_than_nothing_is_refused(diary: Diary) -> None:
    for wrong in (-1, -(2**31)):
        with blamed("page_size"):
            await diary.page(page_size=wrong)


@over_grpc
async def test_100_of_the_largest_workouts_fit_into_a_page(
    diary: Diary, database: asyncpg.Connection
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


# --- What happens between pages ---


async def test_what_is_added_between_pages_neither_repeats_nor_hides_others(diary: Diary) -> None:
    expected = await written(diary, *DATES)
    first = await diary.page(page_size=3)
    # Before the first page, into it, and after the last one.
    for date in ("2026-02-10", "2026-02-09", "0001-01-01"):
        await diary.create(date=date)
    second = await diary.page(page_size=3, page_token=first.next_page_token)
    third = await diary.page(page_size=3, page_token=second.next_page_token)
    assert [*first.workouts, *second.workouts] == expected
    assert dates_of(list(third.workouts)) == ["0001-01-01"]


async def test_what_is_deleted_between_pages_hides_no_others(diary: Diary) -> None:
    expected = await written(diary, *DATES)
    first = await diary.page(page_size=2)
    # The one that the token stands on, one before it, and one to come.
    for gone in (expected[1], expected[0], expected[3]):
        await diary.delete(gone.id)
    second = await diary.page(page_size=3, page_token=first.next_page_token)
    assert list(second.workouts) == [expected[2], *expected[4:]]
    assert second.next_page_token == ""


@over_grpc
async def test_pages_that_are_read_while_others_write_lack_nothing(diary: Diary) -> None:
    expected = await written(diary, *DATES * 2)
    dates = ["2026-02-10", "2026-02-08", "2026-02-06", "2026-02-07"] * 5
    writing = asyncio.gather(*(diary.create(date=date) for date in dates))
    reading = await asyncio.gather(*(diary.all(page_size=2) for _ in range(4)))
    await writing
    for listed in reading:
        assert len({workout.id for workout in listed}) == len(listed)
        assert [workout for workout in listed if workout in expected] == expected


async def test_a_page_may_be_asked_for_again_and_in_another_size(diary: Diary) -> None:
    expected = await written(diary, *DATES)
    token = (await diary.page(page_size=1)).next_page_token
    for size in (1, 3, 100, 1):
        page = await diary.page(page_size=size, page_token=token)
        assert list(page.workouts) == expected[1 : size + 1]
