"""Warnings about a file: what was assumed, moved or left out."""

from server.services.workout.formats.model import MAX_WARNINGS


class Warnings:
    """Sentences without their full stop, each with the first line that it is about."""

    def __init__(self) -> None:
        self._lines: dict[str, int] = {}

    def add(self, text: str, line: int = 0) -> None:
        """Add a warning; `line` is 0 if it is about the whole file."""
        if len(self._lines) < MAX_WARNINGS:
            self._lines.setdefault(text, line)

    def sentences(self) -> list[str]:
        """Return the warnings as they are shown."""
        return [
            f"{text} (line {line:,})." if line else f"{text}." for text, line in self._lines.items()
        ]
