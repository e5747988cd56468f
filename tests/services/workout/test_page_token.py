"""Page tokens: encoding, decoding, and what ListWorkouts accepts."""

import base64
import datetime as dt
from contextlib import suppress
from uuid import uuid4

from grpc import StatusCode
from hypothesis import example, given, settings
from hypothesis import strategies as st

from server.errors import InvalidArgument
from server.services.workout.page_statements import FIRST, LAST, Filter, Position
from server.services.workout.page_token import decode_page_token, encode_page_token
from tests.services.workout.diary import Diary, over_grpc, violates
from tests.services.workout.lists import DATES, written
from tests.support.client import refused


async def token_of(diary: Diary, **filters: str) -> str:
    """Return the token after the first of several workouts."""
    await written(diary, *DATES)
    token = (await diary.page(page_size=1, **filters)).next_page_token
    assert token
    return token


ANYTIME = st.datetimes(timezones=st.just(dt.UTC))


POSITIONS = st.builds(Position, st.dates(), ANYTIME, st.uuids())


FILTERS = st.builds(Filter, st.dates(), st.dates(), st.text(max_size=10))


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode()


# Arbitrary positions with the correct hash of the filters.
FORGED = st.binary(min_size=28, max_size=28).map(
    lambda data: encoded(data + base64.urlsafe_b64decode(encode_page_token(FIRST, Filter()))[28:])
)


class TestListWorkouts:
    async def test_rejects_token_of_other_filters(self, diary: Diary) -> None:
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
        # Filters that differ only in case are equal.
        page = await diary.page(**{**filters, "type": "RUNNING"}, page_token=token)
        assert len(page.workouts) == len(DATES) - 1

    async def test_rejects_invalid_token(self, diary: Diary) -> None:
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
            with violates("page_token"):
                await diary.page(page_token=wrong)

    async def test_accepts_padded_token(self, diary: Diary) -> None:
        token = await token_of(diary)
        expected = await diary.page(page_token=token)
        for padded in (token + "=", token + "==", token + "===="):
            assert await diary.page(page_token=padded) == expected

    async def test_returns_only_own_workouts_for_foreign_token(
        self, diary: Diary, other: Diary
    ) -> None:
        token = await token_of(other)
        assert list((await diary.page(page_token=token)).workouts) == []
        mine = await diary.create(date="2026-02-01", notes="mine")
        assert list((await diary.page(page_token=token)).workouts) == [mine]

    @over_grpc
    async def test_returns_only_own_workouts_for_forged_position(
        self, diary: Diary, other: Diary
    ) -> None:
        mine = await diary.create()
        await other.create()
        for date in (dt.date.min, dt.date(2026, 2, 8), dt.date.max):
            for created in (FIRST.created, dt.datetime(2000, 1, 1, tzinfo=dt.UTC), LAST.created):
                for id_ in (FIRST.id, uuid4(), LAST.id):
                    token = encode_page_token(Position(date, created, id_), Filter())
                    page = await diary.page(page_token=token)
                    expected = [] if date == dt.date.min else [mine]
                    assert list(page.workouts) == expected


class TestDecodePageToken:
    @settings(deadline=None, max_examples=200)
    @given(POSITIONS, FILTERS)
    @example(FIRST, Filter())
    @example(LAST, Filter())
    def test_returns_encoded_position(self, position: Position, wanted: Filter) -> None:
        token = encode_page_token(position, wanted)
        assert decode_page_token(token, wanted) == position
        assert len(token) <= 100

    @settings(deadline=None, max_examples=500)
    @given(
        st.text(max_size=100)
        | st.text("-_+/=AZaz09", max_size=100)
        | st.binary(max_size=75).map(encoded)
        | st.binary(min_size=36, max_size=36).map(encoded)
        | FORGED
    )
    def test_raises_nothing_but_invalid_argument(self, text: str) -> None:
        with suppress(InvalidArgument):
            # Well-formed but forged: it points to some position in the caller's own list.
            position = decode_page_token(text, Filter())
            assert decode_page_token(encode_page_token(position, Filter()), Filter()) == position
