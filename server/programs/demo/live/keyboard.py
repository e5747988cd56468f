"""Lines that are typed in a terminal, while the panes above them change.

The terminal passes on each key at once and shows none; the panes show the line.
"""

import asyncio
import codecs
import os
import termios
import tty
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

END = "\x04"  # Ctrl-D
ERASE = ("\x7f", "\b")
ERASE_LINE = "\x15"  # Ctrl-U
ESCAPE = "\x1b"
READ_BYTES = 4096


class Keyboard:
    """The typed lines. `show` gets the incomplete line after each key."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._line = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()

    def press(self, keys: bytes) -> None:
        """Take the bytes of some keys; none are the end of input."""
        text = self._decoder.decode(keys)
        # Arrows and function keys begin with an escape and come as one piece.
        if not text.startswith(ESCAPE):
            for character in text:
                self._take(character)
        if not keys:
            self._lines.put_nowait(None)
        self._show(self._line)

    async def lines(self) -> AsyncIterator[str]:
        """Yield the lines until Ctrl-D."""
        while (line := await self._lines.get()) is not None:
            yield line

    def _take(self, character: str) -> None:
        if character in "\r\n":
            self._lines.put_nowait(self._line)
            self._line = ""
        elif character == END:
            self._lines.put_nowait(None)
        elif character in ERASE:
            self._line = self._line[:-1]
        elif character == ERASE_LINE:
            self._line = ""
        elif character.isprintable():
            self._line += character


@contextmanager
def typed_lines(file: int, show: Callable[[str], None]) -> Iterator[AsyncIterator[str]]:
    """Yield the lines typed in the terminal `file`, whose mode is restored at the end."""
    keyboard = Keyboard(show)
    mode = termios.tcgetattr(file)
    loop = asyncio.get_running_loop()
    tty.setcbreak(file)
    loop.add_reader(file, lambda: keyboard.press(os.read(file, READ_BYTES)))
    try:
        yield keyboard.lines()
    finally:
        loop.remove_reader(file)
        termios.tcsetattr(file, termios.TCSADRAIN, mode)
