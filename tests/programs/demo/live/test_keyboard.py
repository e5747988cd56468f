"""Keys that become lines."""

import pytest

from server.programs.demo.live.keyboard import Keyboard


class TestKeyboard:
    @pytest.mark.parametrize(
        ("keys", "expected"),
        [
            ([b"squats\n", b"\x04"], ["squats"]),
            ([b"one\ntwo\r", b"\x04"], ["one", "two"]),
            ([b"squast\x7f\x7fts\n", b"\x04"], ["squats"]),
            ([b"wrong\x15right\n", b"\x04"], ["right"]),
            ([b"a\x1b", b"\x1b[A", b"b\n", b"\x04"], ["ab"]),
            (["Läufchen 🏃\n".encode(), b"\x04"], ["Läufchen 🏃"]),
            ([b"L\xc3", b"\xa4ufchen\n", b"\x04"], ["Läufchen"]),
            ([b"one\n", b"not finished", b""], ["one"]),
        ],
        ids=["line", "lines", "erase", "erase-line", "arrow", "utf8", "split", "end-of-input"],
    )
    async def test_yields_lines_until_the_end(self, keys: list[bytes], expected: list[str]) -> None:
        keyboard = Keyboard(lambda line: None)
        for pressed in keys:
            keyboard.press(pressed)
        assert [line async for line in keyboard.lines()] == expected

    def test_shows_incomplete_line(self) -> None:
        shown: list[str] = []
        keyboard = Keyboard(shown.append)
        for pressed in (b"s", b"q", b"\x7f", b"\n"):
            keyboard.press(pressed)
        assert shown == ["s", "sq", "s", ""]
