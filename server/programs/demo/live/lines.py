"""Output to a file, a pipe or a test: a line for each fact, in order."""

from rich.console import Console
from rich.text import Text

from server.programs.demo.screen import writable


class Lines:
    """A board without columns. Each line begins with the name of its column."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def ada(self, text: str, style: str = "") -> None:
        """Print a line of Ada's."""
        self._print(f"Ada  {text}", style)

    def ben(self, text: str, style: str = "") -> None:
        """Print a line of Ben's."""
        self._print(f"Ben  {text}", style)

    def note(self, text: str, style: str = "dim") -> None:
        """Print a sentence."""
        self._print(text, style)

    def typing(self, text: str) -> None:
        """Ignore incomplete lines."""

    def _print(self, text: str, style: str) -> None:
        line = Text(writable(text, self._console), style)
        self._console.print(line, soft_wrap=True)
