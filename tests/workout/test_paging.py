"""Lists page by page, and the tokens that lead from one to the next, over every way to call."""

import asyncio
import base64
import datetime as dt
from contextlib import suppress
from uuid import UUID, uuid4

import asyncpg
import httpx2
import pytest
from grpc import StatusCode
from hypothesis import example, given, settings
from hypothesis import strategies as st

from server.errors import InvalidArgument
from server.workout.paging import page_token, position_in
from server.workout.repository import FIRST, LAST, Filter, Position
from tests.feed.client import refused
from tests.workout.diary import Diary, Workout, blamed

over_grpc = pytest.mark.parametrize("transport", ["grpc"], indirect=True)

DATES = ["2026-02-07", "2026-02-09", "2026-02-07", "2026-02-08", "2026-02-09", "2026-02-07"]


async def written(diary: Diary, *dates: str) -> list[Workout]:
    """Adds a workout on each date; returns them as a list should have them."""
    created = [await diary.create(date=date, notes=date) for date in dates]
    return sorted(created, key=lambda workout: workout.date)[::-1]


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


def dates_of(workouts: list[Workout]) -> list[str]:
    return [workout.date for workout in workouts]


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


# --- Filters ---


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


async def test_both_ends_of_a_range_belong_to_it(diary: Diary) -> None:
    await written(diary, "2026-02-06", "2026-02-07", "2026-02-08", "2026-02-09")
    for start, end, days in RANGES:
        for page_size in (1, 100):
            listed = await diary.all(page_size=page_size, start_date=start, end_date=end)
            assert dates_of(listed) == [f"2026-02-0{day}" for day in days]


@pytest.mark.parametrize(
    ("spellings", "others"),
    [
        (["Running", "running", "RUNNING"], ["Runnin", "Running ", "Run%", "R_nning", ".*"]),
        (["Straße", "STRASSE", "strasse", "STRAẞE"], ["Strase"]),
        (["Übung", "übung", "U\u0308bung", "u\u0308BUNG"], ["Ubung"]),
        (["ΟΔΟΣ", "οδος", "οδοσ"], ["οδο"]),
        (["Leg day", "LEG DAY"], ["Leg+day", "Leg%20day", "Legday"]),
    ],
    ids=lambda texts: ascii(texts[0]),
)
async def test_a_type_is_found_in_any_case_and_returned_as_typed(
    diary: Diary, spellings: list[str], others: list[str]
) -> None:
    for type_ in [*spellings, *others]:
        await diary.create(type=type_)
    for type_ in spellings:
        found = await diary.all(page_size=2, type=type_)
        assert [workout.type for workout in found] == spellings[::-1]
    for type_ in others:
        assert [workout.type for workout in await diary.all(type=type_)] == [type_]


async def test_filters_hold_together_and_on_every_page(diary: Diary) -> None:
    for date in DATES:
        for type_ in ("Run", "Yoga"):
            await diary.create(date=date, type=type_)
    found = await diary.all(page_size=1, type="run", start_date="2026-02-08", end_date="2026-02-09")
    assert dates_of(found) == ["2026-02-09", "2026-02-09", "2026-02-08"]
    assert {workout.type for workout in found} == {"Run"}


async def test_a_type_that_nobody_can_have_is_refused(diary: Diary) -> None:
    for wrong in ("x" * 101, "\0"):
        with blamed("type"):
            await diary.page(type=wrong)
        with blamed("type"):
            await diary.stats(type=wrong)


async def test_a_changed_workout_is_found_by_what_it_says_now(diary: Diary) -> None:
    workout = await diary.create(type="Run")
    await diary.patch(workout.id, type="Yoga", date="2025-01-01")
    assert await diary.all(type="run") == []
    (found,) = await diary.all(type="YOGA", end_date="2025-01-01")
    assert found.id == workout.id


@over_grpc
@pytest.mark.parametrize("spelt", ["Leg%20day", "Leg+day", "leg%20DAY", "%4Ceg%20day"])
async def test_a_space_in_a_query_may_be_spelt_either_way(
    diary: Diary, rest: httpx2.AsyncClient, spelt: str
) -> None:
    rest.headers.update(dict(diary.credentials))
    workout = await diary.create(type="Leg day")
    (found,) = (await rest.get(f"/workouts?type={spelt}")).json()["workouts"]
    assert found["id"] == workout.id


# --- Tokens ---


async def token_of(diary: Diary, **filters: str) -> str:
    """The token after the first of several workouts."""
    await written(diary, *DATES)
    token = (await diary.page(page_size=1, **filters)).next_page_token
    assert token
    return token


async def test_a_token_with_other_filters_is_refused(diary: Diary) -> None:
    filters = {"start_date": "2026-02-07", "end_date": "2026-02-09", "type": "running"}
    token = await token_of(diary, **filters)
    for changed in (
        {"start_date": ""},
        {"start_date": "2026-02-06"},
        {"end_date": "2026-02-10"},
        {"end_date": ""},
        {"type": ""},
        {"type": "Run"},
    ):
        with refused(StatusCode.INVALID_ARGUMENT, "page_token"):
            await diary.page(**{**filters, **changed}, page_token=token)
    # These are the same filters.
    page = await diary.page(**{**filters, "type": "RUNNING"}, page_token=token)
    assert len(page.workouts) == len(DATES) - 1


async def test_what_is_no_token_is_refused(diary: Diary) -> None:
    token = await token_of(diary)
    for wrong in (
        token[:-1],
        token[:-4],
        token[1:],
        token + "A",
        token + "AAAA",
        token + " ",
        token[:20] + "=" + token[20:],
        token + "\n",
        " " + token,
        token * 2,
        token.swapcase(),
        "x",
        "=",
        "0",
        "50",
        "null",
        "é",
        "🏋",
        "\0",
        "A" * 48,
        "_" * 48,
        "A" * 100,
        "A" * 101,
    ):
        with blamed("page_token"):
            await diary.page(page_token=wrong)


async def test_padding_that_some_put_behind_base64_does_no_harm(diary: Diary) -> None:
    token = await token_of(diary)
    expected = await diary.page(page_token=token)
    for padded in (token + "=", token + "==", token + "===="):
        assert await diary.page(page_token=padded) == expected


async def test_somebody_elses_token_opens_nothing_of_theirs(diary: Diary, other: Diary) -> None:
    token = await token_of(other)
    assert list((await diary.page(page_token=token)).workouts) == []
    mine = await diary.create(date="2026-02-01", notes="mine")
    assert list((await diary.page(page_token=token)).workouts) == [mine]


ANYTIME = st.datetimes(timezones=st.just(dt.UTC))
POSITIONS = st.builds(Position, st.dates(), ANYTIME, st.uuids())
FILTERS = st.builds(Filter, st.dates(), st.dates(), st.text(max_size=10))


@settings(deadline=None, max_examples=200)
@given(POSITIONS, FILTERS)
@example(FIRST, Filter())
@example(LAST, Filter())
def test_a_token_holds_any_position(position: Position, wanted: Filter) -> None:
    token = page_token(position, wanted)
    assert position_in(token, wanted) == position
    assert len(token) <= 100


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode()


# What comes before the hash of the filters: any of it, and the right hash.
FORGED = st.binary(min_size=28, max_size=28).map(
    lambda data: encoded(data + base64.urlsafe_b64decode(page_token(FIRST, Filter()))[28:])
)


@settings(deadline=None, max_examples=500)
@given(
    st.text(max_size=100)
    | st.text("-_+/=AZaz09", max_size=100)
    | st.binary(max_size=75).map(encoded)
    | st.binary(min_size=36, max_size=36).map(encoded)
    | FORGED
)
def test_whatever_is_no_token_is_the_callers_fault(text: str) -> None:
    with suppress(InvalidArgument):
        # One that was not given out, but is of the form: it leads somewhere in one's own list.
        position = position_in(text, Filter())
        assert position_in(page_token(position, Filter()), Filter()) == position


@over_grpc
async def test_a_forged_position_leads_somewhere_in_ones_own_list(
    diary: Diary, other: Diary
) -> None:
    mine = await diary.create()
    await other.create()
    for date in (dt.date.min, dt.date(2026, 2, 8), dt.date.max):
        for created in (FIRST.created, dt.datetime(2000, 1, 1, tzinfo=dt.UTC), LAST.created):
            for id_ in (FIRST.id, uuid4(), LAST.id):
                token = page_token(Position(date, created, id_), Filter())
                page = await diary.page(page_token=token)
                expected = [] if date == dt.date.min else [mine]
                assert list(page.workouts) == expected
