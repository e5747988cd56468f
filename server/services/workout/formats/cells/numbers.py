"""Numbers as people's phones write them: 82.5, 82,5, 1.234,5, 1 234,5.

Whether 1,234 is more than a thousand is a property of a file: its other numbers decide, or its
delimiter.
"""

import re
import unicodedata
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

from server.services.workout.model import DECIMALS

# Longer texts are not measurements.
_MAX_LENGTH = 40
_MAX_CACHED = 50_000
_STEP = Decimal(1).scaleb(-DECIMALS)
_HUGE = Decimal(10) ** 9

_PLAIN = re.compile(r"([+-]?)(\d[\d.,]*|[.,]\d+)(e[+-]?\d{1,3})?")
_GROUPS = re.compile(r"\d{1,3}([.,])\d{3}(?:\1\d{3})*")
# Thousands, or a number with three decimals.
_OPEN = re.compile(r"[1-9]\d{0,2}([.,])\d{3}")
_SEPARATORS = str.maketrans(
    {
        **dict.fromkeys(" \u00a0\u202f\u2009'’\u066c", None),
        "\u066b": ".",
        "\u2212": "-",
    }
)


class NotANumber(ValueError):
    """A text is not a number."""


class Numbers(dict[str, Decimal | None]):
    """Numbers of a file by their texts, rounded half up to 3 decimals; None if a text is empty.

    `texts` are numbers of the file, `delimiter` stands between its cells. Looking a text up raises
    NotANumber.
    """

    def __init__(self, texts: Iterable[str] = (), delimiter: str = ",") -> None:
        super().__init__()
        found = [_PLAIN.fullmatch(_plain(text)) for text in texts if len(text) <= _MAX_LENGTH]
        seen = {mark for one in found if one and (mark := _decimal_mark(one[2]))}
        # The marks that begin decimals where a number alone does not tell.
        self._marks = seen if len(seen) == 1 else {"."} if delimiter == "," else {".", ","}

    def __missing__(self, text: str) -> Decimal | None:
        """Parse a text for the first time."""
        if len(self) > _MAX_CACHED:
            self.clear()
        number = self.exact(text)
        self[text] = None if number is None else rounded(number)
        return self[text]

    def exact(self, text: str) -> Decimal | None:
        """Return a number with all decimals; None if the text is empty. Raises NotANumber."""
        return self._parse(_plain(text)) if text.strip() else None

    def _parse(self, text: str) -> Decimal:
        match = _PLAIN.fullmatch(text) if len(text) <= _MAX_LENGTH else None
        if not match:
            raise NotANumber(text)
        sign, digits, exponent = match.groups()
        mark = _decimal_mark(digits)
        if mark is None and (open_mark := _OPEN.fullmatch(digits)) and open_mark[1] in self._marks:
            mark = open_mark[1]
        whole, _, fraction = digits.rpartition(mark) if mark else (digits, "", "")
        if not (whole.isdecimal() or not whole or _GROUPS.fullmatch(whole)):
            raise NotANumber(text)
        plain = whole.replace(".", "").replace(",", "")
        return Decimal(f"{sign}{plain or 0}.{fraction or 0}{exponent or ''}")


def rounded(number: Decimal) -> Decimal:
    """Return the number with 3 decimals, rounded half up; a huge one as it is.

    Huge ones are out of every range, and some have too many digits to be rounded.
    """
    return number if abs(number) >= _HUGE else number.quantize(_STEP, ROUND_HALF_UP)


def _plain(text: str) -> str:
    """Return the text with ASCII digits, without spaces and other separators of thousands."""
    if not text.isascii():
        text = "".join(str(unicodedata.decimal(one)) if one.isdecimal() else one for one in text)
    return text.translate(_SEPARATORS).lower()


def _decimal_mark(digits: str) -> str | None:
    """Return the mark that must begin the decimals of a number; None if there is none."""
    last = max(digits.rfind("."), digits.rfind(","))
    if last < 0:
        return None
    mark = digits[last]
    other = "," if mark == "." else "."
    if digits.count(mark) > 1:
        return None
    if other in digits:
        return mark
    return None if _OPEN.fullmatch(digits) else mark
