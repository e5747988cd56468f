"""An error that points at a place in the typed text."""

from dataclasses import dataclass

from rich.cells import cell_len

from server.errors import StartError

# Of the text shown before and after the place.
MAX_CONTEXT = 40


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a text: from `start` up to `end`."""

    start: int
    end: int

    def __or__(self, other: "Span") -> "Span":
        """Return the span from the first place to the second."""
        return Span(self.start, other.end)


class NotationError(StartError):
    """The text is not an exercise. The message shows the place and the remedy."""

    def __init__(self, text: str, span: Span, message: str) -> None:
        super().__init__(f"{_pointed(text, span)}\n{message}")


def _pointed(text: str, span: Span) -> str:
    """Return the surroundings of a place in one line, and a second line that points at it."""
    start = max(0, span.start - MAX_CONTEXT)
    end = min(span.end, span.start + MAX_CONTEXT)
    before, place, after = text[start : span.start], text[span.start : end], text[end:]
    line = _shown(before), _shown(place), _shown(after[:MAX_CONTEXT])
    pointer = " " * cell_len(line[0]) + "^" * max(1, cell_len(line[1]))
    return f"{''.join(line).rstrip()}\n{pointer}"


def _shown(text: str) -> str:
    # Not `printable`, which would shift the place by collapsing spaces.
    return "".join(char if char.isprintable() else " " for char in text)
