"""Bytes as text for URLs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.libraries.common import base64url


class TestEncode:
    @given(st.binary(max_size=50))
    def test_decodes_to_the_same(self, data: bytes) -> None:
        text = base64url.encode(data)
        assert base64url.decode(text) == data
        assert not set(text) & set("+/=")


class TestDecode:
    @pytest.mark.parametrize("text", ["a", "ab d", "é", "ab=d"])
    def test_rejects_other_texts(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"\w"):
            base64url.decode(text)
