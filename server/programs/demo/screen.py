"""How the demo looks: short steps, and beside each other what each phone and the server has."""

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
    """One thing, as Ada's phone has it, the server stores it, and Ben's phone has it."""

    what: str
    ada: str
    server: str
    ben: str
    equal: bool


class Screen:
    """Writes to a terminal, or into a file or pipe: nothing here depends on colour."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._counted = 0
        self._differed = 0

    def opening(self, url: str) -> None:
        """Says what is going to happen."""
        self._print(f"[bold]Gymlocker demo[/] at {escape(url)}")
        self._print("[dim]Ada's phone speaks gRPC, Ben's REST/JSON. Only they hold the keys.[/]")

    def step(self, number: int, title: str) -> None:
        """Opens a step."""
        heading = f"[bold cyan]{number}[/] [bold]{escape(self._writable(title))}[/]"
        self._console.print()
        self._console.print(
            Rule(heading, align="left", style="dim", characters=self._mark("─", "-"))
        )

    def note(self, text: str) -> None:
        """Adds a line of explanation."""
        self._print(f"  {escape(text)}")

    def side_by_side(self, rows: Sequence[Row]) -> None:
        """Shows what each side has, and whether that is as it should be."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=False, header_style="bold")
        table.add_column("", no_wrap=True, width=8)
        # Not every encoding has the character that rich ends a shortened cell with.
        overflow: OverflowMethod = "ellipsis" if self._mark("…", "") else "crop"
        for heading in ("Ada's phone", "Server stores", "Ben's phone"):
            table.add_column(heading, no_wrap=True, overflow=overflow, width=19)
        table.add_column("", width=1)
        for row in rows:
            cells = [
                escape(self._writable(cell)) for cell in (row.what, row.ada, row.server, row.ben)
            ]
            cells[2] = f"[dim]{cells[2]}[/]"
            table.add_row(*cells, self._verdict_mark(row.equal))
        self._console.print(table)

    def step_done(self, ledger: ComparisonLog) -> None:
        """Closes a step: how much was equal in it, and in red what was not."""
        counted, differed = ledger.count - self._counted, ledger.differences[self._differed :]
        self._counted, self._differed = ledger.count, len(ledger.differences)
        for difference in differed:
            self._print(f"  [bold red]{self._mark('✗', 'x')} {escape(difference)}[/]")
        if not differed:
            self._print(f"  {self._verdict_mark(True)} [green]{_counted(counted)} equal[/]")

    def warning(self, text: str) -> None:
        """Says something that needs attention but decides nothing."""
        self._print(f"[yellow]{escape(text)}[/]")

    def verdict(self, ledger: ComparisonLog, seconds: float) -> None:
        """Ends with one line."""
        self._console.print()
        if not ledger.differences:
            text = f"All {ledger.count} comparisons equal, byte for byte, in {seconds:.1f} s."
            self._print(f"{self._verdict_mark(True)} [bold green]{text}[/]")
            return
        text = f"{len(ledger.differences)} wrong in {_counted(ledger.count)}: "
        text += "; ".join(difference.partition(":")[0] for difference in ledger.differences)
        self._print(f"{self._verdict_mark(False)} [bold red]{escape(text)}[/]")

    def _verdict_mark(self, equal: bool) -> str:
        return (
            f"[green]{self._mark('✓', '=')}[/]" if equal else f"[bold red]{self._mark('✗', 'x')}[/]"
        )

    def _print(self, markup: str) -> None:
        self._console.print(self._writable(markup), highlight=False)

    def _mark(self, mark: str, plain: str) -> str:
        return mark if self._writable(mark) == mark else plain

    def _writable(self, text: str) -> str:
        """Replaces what the terminal's encoding lacks: a demo must not end at an umlaut."""
        encoding = self._console.encoding
        return text.encode(encoding, "replace").decode(encoding)


def preview(stored: bytes) -> str:
    """Shows the size and the first bytes in hex, as `352 B 8f3a91c04e77…`."""
    small = len(stored) < 10 * _KIB
    size = f"{len(stored)} B" if small else f"{len(stored) / _KIB:.0f} KiB"
    return f"{size} {stored[:PREVIEW_BYTES].hex()}…"


def _counted(comparisons: int) -> str:
    return f"{comparisons} comparison{'' if comparisons == 1 else 's'}"
