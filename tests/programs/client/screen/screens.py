"""Screens of any width and encoding, and what was written on them."""

import io

from rich.console import Console

from server.programs.client.screen.console import Screen, console_on


class Recorder:
    """A screen; `text` is all that was written."""

    def __init__(
        self, width: int | None = None, *, encoding: str = "utf-8", terminal: bool = False
    ) -> None:
        self._buffer = io.BytesIO()
        self._stream = io.TextIOWrapper(self._buffer, encoding=encoding, errors="replace")
        console = (
            Console(file=self._stream, width=width, force_terminal=terminal, highlight=False)
            if width or terminal
            else console_on(self._stream)
        )
        self.screen = Screen(console)
        self._encoding = encoding

    @property
    def text(self) -> str:
        """Return all that was written."""
        self._stream.flush()
        return self._buffer.getvalue().decode(self._encoding)

    @property
    def lines(self) -> list[str]:
        """Return the lines without the spaces at their ends."""
        return [line.rstrip() for line in self.text.splitlines()]
