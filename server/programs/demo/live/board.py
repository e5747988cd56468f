"""The interface of the outputs of the live demo."""

from typing import Protocol


class Board(Protocol):
    """Two columns: Ada's phone and Ben's. `style` is one of rich's, such as "green"."""

    def ada(self, text: str, style: str = "") -> None:
        """Add a line to Ada's column."""

    def ben(self, text: str, style: str = "") -> None:
        """Add a line to Ben's column."""

    def note(self, text: str, style: str = "dim") -> None:
        """Show a sentence about both."""

    def typing(self, text: str) -> None:
        """Show the line that is being typed."""
