"""Cursors as text."""

import datetime as dt
from collections.abc import Callable
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import InvalidArgument
from server.libraries.database.incarnation import Incarnation
from server.services.event.cursor import Position, decode, encode

HERE = Incarnation(b"database", b"k" * 32)
RESTORED = Incarnation(b"restored", b"k" * 32)
TAKEN_OVER = Incarnation(b"new here", b"n" * 32)
# Of the incarnation in a cursor's text.
INCARNATION_CHARACTERS = range(2, 12)
FIELD = "users[0].cursor"

_times = st.datetimes(timezones=st.just(dt.UTC))


class TestDecode:
    @given(time=_times, began=_times, id_=st.uuids(), user=st.uuids())
    def test_returns_the_encoded_position(
        self, time: dt.datetime, began: dt.datetime, id_: object, user: object
    ) -> None:
        position = Position(time, id_, began)  # type: ignore[arg-type]
        text = encode(HERE, user, position)  # type: ignore[arg-type]
        assert decode(HERE, user, text, FIELD) == position  # type: ignore[arg-type]

    @pytest.mark.parametrize("now", [RESTORED, TAKEN_OVER], ids=["same key", "new key"])
    def test_returns_none_for_another_incarnation(self, now: Incarnation) -> None:
        user = uuid4()
        assert decode(now, user, encode(HERE, user, Position()), FIELD) is None

    @pytest.mark.parametrize(
        "changed", [lambda text: text[:-4], lambda text: text + "AAAA"], ids=["shorter", "longer"]
    )
    def test_rejects_another_length_of_any_incarnation(self, changed: Callable[[str], str]) -> None:
        user = uuid4()
        for incarnation in (HERE, TAKEN_OVER):
            with pytest.raises(InvalidArgument):
                decode(HERE, user, changed(encode(incarnation, user, Position())), FIELD)

    @pytest.mark.parametrize("text", ["x", "AAAA", "A" * 80, "ä", "=", "A" * 199], ids=repr)
    def test_rejects_other_texts(self, text: str) -> None:
        with pytest.raises(InvalidArgument):
            decode(HERE, uuid4(), text, FIELD)

    def test_rejects_the_cursor_of_another_user(self) -> None:
        with pytest.raises(InvalidArgument):
            decode(HERE, uuid4(), encode(HERE, uuid4(), Position()), FIELD)

    def test_accepts_no_changed_character(self) -> None:
        user = uuid4()
        text = encode(HERE, user, Position())
        for at, character in enumerate(text):
            changed = text[:at] + ("A" if character != "A" else "B") + text[at + 1 :]
            if at in INCARNATION_CHARACTERS:
                assert decode(HERE, user, changed, FIELD) is None
            else:
                with pytest.raises(InvalidArgument):
                    decode(HERE, user, changed, FIELD)
