"""Output in a terminal: two panes, and below them a sentence and the line that is being typed."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from server.programs.demo.screen import writable

MAX_LINES = 14
# Rows of the terminal that the panes leave to borders, the sentence, the prompt and the cursor.
OTHER_ROWS = 6


class Panes:
    """A board with two panes that show the newest lines."""

    def __init__(self, console: Console, live: Live, *, is_typed: bool) -> None:
        self._console = console
        self._live = live
        self._ada: deque[Text] = deque(maxlen=MAX_LINES)
        self._ben: deque[Text] = deque(maxlen=MAX_LINES)
        self._note = Text()
        self._is_typed = is_typed
        self._typed = ""

    def ada(self, text: str, style: str = "") -> None:
        """Add a line to the left pane."""
        self._ada.append(self._text(text, style))
        self._draw()

    def ben(self, text: str, style: str = "") -> None:
        """Add a line to the right pane."""
        self._ben.append(self._text(text, style))
        self._draw()

    def note(self, text: str, style: str = "dim") -> None:
        """Replace the sentence below the panes."""
        self._note = self._text(text, style)
        self._draw()

    def typing(self, text: str) -> None:
        """Show the line that is being typed."""
        self._typed = text
        self._draw()

    def _text(self, text: str, style: str) -> Text:
        line = Text(writable(text, self._console), style, no_wrap=True)
        # Not every encoding has the ellipsis.
        line.overflow = "ellipsis" if writable("…", self._console) == "…" else "crop"
        return line

    def _draw(self) -> None:
        rows = max(1, min(MAX_LINES, self._console.height - OTHER_ROWS))
        grid = Table.grid(expand=True)
        grid.add_column(ratio=1)
        grid.add_column(ratio=1)
        grid.add_row(_pane("Ada's phone", self._ada, rows), _pane("Ben's phone", self._ben, rows))
        below: list[RenderableType] = [self._note]
        if self._is_typed:
            below.append(self._text(f"> {self._typed}", "bold"))
        self._live.update(Group(grid, *below), refresh=True)


@contextmanager
def panes(console: Console, *, is_typed: bool) -> Iterator[Panes]:
    """Yield panes; they stay on the screen at the end."""
    with Live(console=console, auto_refresh=False) as live:
        yield Panes(console, live, is_typed=is_typed)


def _pane(title: str, lines: deque[Text], rows: int) -> Panel:
    newest = list(lines)[-rows:]
    return Panel(Group(*newest), title=title, height=rows + 2, border_style="dim")
