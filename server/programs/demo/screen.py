"""Terminal output of the demo: short steps, with tables that compare the phones and the server."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console, OverflowMethod
from rich.markup import escape
from rich.rule import Rule
from rich.table import Table

from server.programs.demo.comparison_log import ComparisonLog

PREVIEW_BYTES = 6
_KIB = 1024


@dataclass(frozen=True)
class Row:
    """One item as it appears on Ada's phone, on the server and on Ben's phone."""

    item: str
    ada: str
    server: str
    ben: str
    equal: bool


class Screen:
    """Output to a terminal, file or pipe. Colours carry no information of their own."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._counted = 0
        self._differed = 0

    def opening(self, url: str) -> None:
        """Print the introduction."""
        self._print(f"[bold]Gymlocker demo[/] at {escape(url)}")
        self._print("[dim]Ada's phone uses gRPC, Ben's REST/JSON. Keys stay on the phones.[/]")

    def step(self, number: int, title: str) -> None:
        """Print the heading of a step."""
        heading = f"[bold cyan]{number}[/] [bold]{escape(writable(title, self._console))}[/]"
        self._console.print()
        self._console.print(
            Rule(heading, align="left", style="dim", characters=self._mark("─", "-"))
        )

    def note(self, text: str) -> None:
        """Print a line of explanation."""
        self._print(f"  {escape(text)}")

    def table(self, rows: Sequence[Row]) -> None:
        """Print each item as each side has it, and whether it is correct."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=False, header_style="bold")
        table.add_column("", no_wrap=True, width=8)
        # Not every encoding has the ellipsis that rich puts at the end of a shortened cell.
        overflow: OverflowMethod = "ellipsis" if self._mark("…", "") else "crop"
        for heading in ("Ada's phone", "Server stores", "Ben's phone"):
            table.add_column(heading, no_wrap=True, overflow=overflow, width=19)
        table.add_column("", width=1)
        for row in rows:
            cells = [
                escape(writable(cell, self._console))
                for cell in (row.item, row.ada, row.server, row.ben)
            ]
            cells[2] = f"[dim]{cells[2]}[/]"
            table.add_row(*cells, self._result_mark(row.equal))
        self._console.print(table)

    def step_done(self, log: ComparisonLog) -> None:
        """Print the result of a step: its differences in red, or the number of comparisons."""
        counted, differed = log.count - self._counted, log.differences[self._differed :]
        self._counted, self._differed = log.count, len(log.differences)
        for difference in differed:
            self._print(f"  [bold red]{self._mark('✗', 'x')} {escape(difference)}[/]")
        if not differed:
            self._print(f"  {self._result_mark(True)} [green]{_counted(counted)} equal[/]")

    def warning(self, text: str) -> None:
        """Print a warning; it does not affect the result."""
        self._print(f"[yellow]{escape(text)}[/]")

    def result(self, log: ComparisonLog, seconds: float) -> None:
        """Print the overall result in one line."""
        self._console.print()
        if not log.differences:
            text = f"All {log.count} comparisons equal, byte for byte, in {seconds:.1f} s."
            self._print(f"{self._result_mark(True)} [bold green]{text}[/]")
            return
        text = f"{len(log.differences)} wrong in {_counted(log.count)}: "
        text += "; ".join(difference.partition(":")[0] for difference in log.differences)
        self._print(f"{self._result_mark(False)} [bold red]{escape(text)}[/]")

    def _result_mark(self, equal: bool) -> str:
        return (
            f"[green]{self._mark('✓', '=')}[/]" if equal else f"[bold red]{self._mark('✗', 'x')}[/]"
        )

    def _print(self, markup: str) -> None:
        self._console.print(writable(markup, self._console), highlight=False)

    def _mark(self, mark: str, plain: str) -> str:
        return mark if writable(mark, self._console) == mark else plain


def writable(text: str, console: Console) -> str:
    """Replace characters that the output encoding lacks, so that printing never fails."""
    return text.encode(console.encoding, "replace").decode(console.encoding)


def preview(stored: bytes) -> str:
    """Return the size and the first bytes in hex, such as `352 B 8f3a91c04e77…`."""
    small = len(stored) < 10 * _KIB
    size = f"{len(stored)} B" if small else f"{len(stored) / _KIB:.0f} KiB"
    return f"{size} {stored[:PREVIEW_BYTES].hex()}…"


def _counted(comparisons: int) -> str:
    return f"{comparisons} comparison{'' if comparisons == 1 else 's'}"
