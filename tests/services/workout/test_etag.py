"""The header If-Match as text. Its conditions are tested by changes in test_if_match.py."""

import time

import pytest

from server.services.workout.etag import ANY, IfMatch, if_match


class TestIfMatch:
    def test_etags_are_read_from_all_lines(self) -> None:
        assert if_match(['"a", W/"b"', "c"]) == IfMatch(frozenset({"a", "b", "c"}))

    @pytest.mark.parametrize("lines", [[], [""], ["*"], ['"a", *']])
    def test_accepts_any(self, lines: list[str]) -> None:
        assert if_match(lines) == ANY

    @pytest.mark.parametrize("part", ["a", " ", '"', 'W/"a" ', "a "])
    def test_long_header_is_read_at_once(self, part: str) -> None:
        started = time.process_time()
        assert if_match([part * 20_000 + "x"]) != ANY
        assert time.process_time() - started < 1
