"""Sentences and tables, aligned with spaces if the output is not a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from typing import TextIO

from rich import box
from rich.cells import cell_len
from rich.console import Console, OverflowMethod
from rich.table import Table
from rich.text import Text

from server.programs.client.text import printable

# Of a file or a pipe: room for whole ids.
PLAIN_WIDTH = 130
GAP = 2


def console_on(stream: TextIO) -> Console:
    """Return a console that writes any text to any terminal, file or pipe."""
    if isinstance(stream, TextIOWrapper):
        # A character that the terminal's encoding lacks must not cause a traceback.
        stream.reconfigure(errors="replace")
    width = None if stream.isatty() else PLAIN_WIDTH
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Only a column with a `least` width is shortened to fit, down to that width. `most` limits the
    width of text that users typed.
    """

    heading: str
    is_number: bool = False
    least: int | None = None
    most: int | None = None
    style: str = ""


class Screen:
    """Output of the commands."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @property
    def is_terminal(self) -> bool:
        """Check whether a person is looking at the output."""
        return self._console.is_terminal

    @property
    def width(self) -> int:
        """Return the width of a line."""
        return self._console.width

    def can_show(self, characters: str) -> bool:
        """Check whether the encoding of the output has the characters."""
        try:
            characters.encode(self._console.encoding)
        except UnicodeEncodeError:
            return False
        return True

    def write(self, text: str, style: str = "") -> None:
        """Write a sentence."""
        self._console.print(Text(printable(text), style), soft_wrap=True)

    def write_indented(self, text: str, indent: int = 2) -> None:
        """Write a line that begins with spaces."""
        self._console.print(Text(" " * indent + printable(text)), soft_wrap=True)

    def write_labelled(self, label: str, text: str) -> None:
        """Write a line behind a label, which may be padded with spaces."""
        self._console.print(Text(f"{label}  {printable(text)}"), soft_wrap=True)

    def write_lines(self, text: str, indent: int = 0) -> None:
        """Write text of several lines."""
        for line in text.splitlines():
            self.write_indented(line, indent)

    def write_drawing(self, drawing: Text) -> None:
        """Write lines that we have drawn, as they are."""
        self._console.print(drawing, soft_wrap=True)

    def blank(self) -> None:
        """Write an empty line."""
        self._console.print()

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
        """Write a table. Fixed columns keep their width, even if the lines get too long."""
        shown = [[printable(cell) for cell in row] for row in rows]
        widths = fitted(columns, shown, self.width)
        table = self._table(GAP * (len(widths) - 1) + sum(widths))
        # Not every encoding has the ellipsis with which rich ends a shortened cell.
        overflow: OverflowMethod = "ellipsis" if self.can_show("…") else "crop"
        for column, width in zip(columns, widths, strict=True):
            table.add_column(
                column.heading,
                justify="right" if column.is_number else "left",
                style=column.style,
                width=width,
                no_wrap=True,
                overflow=overflow,
            )
        for row in shown:
            table.add_row(*(Text(cell) for cell in row))
        self._console.print(table, soft_wrap=True)

    def messages(self, heading: str, rows: Sequence[tuple[str, str]]) -> None:
        """Write messages, each with its place before it; long ones are wrapped."""
        table = self._table(None)
        table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("Problem", overflow="fold")
        for place, message in rows:
            table.add_row(place, Text(printable(message)))
        self._console.print(table)

    def _table(self, width: int | None) -> Table:
        is_terminal = self._console.is_terminal
        return Table(
            box=box.SIMPLE_HEAD if is_terminal else None,
            show_edge=False,
            pad_edge=False,
            # On a terminal, the box adds a space between columns.
            padding=(0, GAP - is_terminal, 0, 0),
            header_style="bold",
            width=width,
        )


def fitted(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], available: int
) -> Sequence[int]:
    """Return widths that fit, as far as the columns with a `least` width can give way."""
    widths = [
        max([cell_len(column.heading), *(cell_len(row[index]) for row in rows)])
        for index, column in enumerate(columns)
    ]
    widths = [
        min(width, column.most or width) for column, width in zip(columns, widths, strict=True)
    ]
    excess = sum(widths) + GAP * (len(widths) - 1) - available
    # The last column gives way first.
    for index in reversed(range(len(widths))):
        least = columns[index].least
        if excess > 0 and least is not None:
            given = max(0, min(excess, widths[index] - least))
            widths[index] -= given
            excess -= given
    return widths
