"""Protection against CSV injection: texts that a spreadsheet would run as formulas.

Spreadsheets evaluate a cell that begins with one of `= + - @`, a tab or a line break, regardless of
its author. A leading apostrophe prevents that. A text that already looks guarded gets another one,
so that reading removes exactly what writing added.
"""

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_GUARDED = re.compile(r"'+[=+\-@\t\r\n]")


def guarded(text: str) -> str:
    """Return the text as a cell that no spreadsheet evaluates."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(cell: str) -> str:
    """Reverse `guarded`; return a cell that it cannot have produced unchanged."""
    return cell[1:] if _GUARDED.match(cell) else cell
