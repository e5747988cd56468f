"""Texts in CSV that a spreadsheet would take for formulas.

Spreadsheets run a cell that begins with one of `= + - @`, a tab or the end of a line, whoever typed
it. An apostrophe in front keeps them from it. A text that already looks guarded gets another one,
so that reading takes off exactly what writing put on.
"""

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_GUARDED = re.compile(r"'+[=+\-@\t\r\n]")


def guarded(text: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(cell: str) -> str:
    """The text that `guarded` made the cell of; a cell that it never made stays as it is."""
    return cell[1:] if _GUARDED.match(cell) else cell
