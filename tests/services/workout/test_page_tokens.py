"""The tokens that lead from one page to the next, and what is none."""

import base64
import datetime as dt
from contextlib import suppress
from uuid import uuid4

from grpc import StatusCode
from hypothesis import example, given, settings
from hypothesis import strategies as st

from server.errors import InvalidArgument
from server.services.workout.page_token import page_token, position_in
from server.services.workout.repository import FIRST, LAST, Filter, Position
from tests.services.workout.diary import Diary, blamed, over_grpc
from tests.services.workout.lists import DATES, written
from tests.support.client import refused


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
