"""Words, numbers and notes of the notation, with their places in the text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, auto

from server.programs.client.notation.errors import NotationError, Span

UNITS = {
    "kg": "kg",
    "kgs": "kg",
    "kilo": "kg",
    "kilos": "kg",
    "lb": "lb",
    "lbs": "lb",
    "m": "m",
    "km": "km",
    "mi": "mi",
    "mile": "mi",
    "miles": "mi",
    "yd": "yd",
    "yds": "yd",
    "s": "s",
    "sec": "s",
    "secs": "s",
    "seconds": "s",
    "min": "min",
    "mins": "min",
    "minutes": "min",
    "h": "h",
    "hours": "h",
    "reps": "reps",
    "rep": "reps",
}
# Of a number: longer ones exceed the limits of every field.
MAX_LENGTH = 20
_LONGEST_FIRST = "|".join(sorted(UNITS, key=len, reverse=True))
_TOKEN = re.compile(
    rf"""
    (?P<space>\s+)
  | (?P<note>\((?:[^()\\]|\\.|\((?:[^()\\]|\\.)*\))*\))
  | (?P<time>\d+(?::\d\d){{1,2}}(?!\d))
  | (?P<number>[+-]?\d+(?:[.,]\d+)*)
  | (?P<comma>[,;])
  | (?P<at>@)
  | (?P<times>[x×*](?=\s*\d))
  | (?P<unit>(?:{_LONGEST_FIRST})(?=[x×*]\s*\d|[^\w]|\d|$))
  | (?P<word>[^\W\d_]+)
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


# After an x, a comma belongs to the number only if a unit follows: `100x5,90x8` are two sets.
_COUNT = re.compile(
    r"\s*(?P<number>\d+(?:[.,]\d+(?=\s*(?:km|mi|m|yd|min|h)\b))?)(?![:\d])", re.IGNORECASE
)


class Kind(Enum):
    """Kinds of tokens."""

    NOTE = auto()
    TIME = auto()
    NUMBER = auto()
    COMMA = auto()
    AT = auto()
    TIMES = auto()
    UNIT = auto()
    WORD = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """A token and its place. `number` is the value of a number, or the seconds of a time."""

    kind: Kind
    text: str
    span: Span
    number: Decimal = Decimal(0)


def tokens(text: str, start: int) -> Iterator[Token]:
    """Yield the tokens of `text` from `start`. Raises NotationError."""
    is_count = False
    while start < len(text):
        found = (_COUNT.match(text, start) if is_count else None) or _TOKEN.match(text, start)
        if found is None:
            raise _unknown(text, start)
        start = found.end()
        if found.lastgroup != "space":
            is_count = found.lastgroup == "times"
            yield _token(text, found)


def _token(text: str, found: re.Match[str]) -> Token:
    kind = Kind[str(found.lastgroup).upper()]
    token = Token(kind, found[kind.name.lower()], Span(*found.span(kind.name.lower())))
    if kind in (Kind.NUMBER, Kind.TIME) and len(token.text) > MAX_LENGTH:
        raise NotationError(text, token.span, "This number is too long: shorten it.")
    match kind:
        case Kind.UNIT:
            return Token(kind, UNITS[token.text.lower()], token.span)
        case Kind.NUMBER:
            return Token(kind, token.text, token.span, _number(text, token))
        case Kind.TIME:
            return Token(kind, token.text, token.span, _seconds(text, token))
    return token


def _number(text: str, token: Token) -> Decimal:
    """Return the value of a number, whose decimals may follow a comma."""
    whole, *rest = re.split("[.,]", token.text)
    if not rest:
        return Decimal(whole)
    (decimals, *more) = rest
    if more:
        raise NotationError(
            text, token.span, f"{token.text} is not a number: separate sets by a comma and a space."
        )
    if "," in token.text and len(decimals) == 3:
        raise NotationError(
            text,
            token.span,
            f"{token.text} can mean {whole}{decimals} or {whole}.{decimals}: write one of these.",
        )
    if len(decimals) > 3:
        raise NotationError(text, token.span, f"{token.text} has more than 3 decimals: round it.")
    return Decimal(f"{whole}.{decimals}")


def _seconds(text: str, token: Token) -> Decimal:
    *larger, seconds = (int(part) for part in token.text.split(":"))
    *hours, minutes = larger
    # The first part has no limit: 90:00 are 90 minutes.
    if seconds > 59 or (hours and minutes > 59):
        raise NotationError(
            text, token.span, f"{token.text} is not a duration: write it as 1:30 or 1:02:30."
        )
    return Decimal(sum(part * 60**power for power, part in enumerate((seconds, minutes, *hours))))


def _unknown(text: str, start: int) -> NotationError:
    if text[start] == "(":
        return NotationError(
            text, Span(start, len(text)), "The note does not end: close it with a parenthesis."
        )
    return NotationError(
        text,
        Span(start, start + 1),
        "This has no meaning here: write sets as 100kg x5, x12, 5km 25:00 or 60s, and notes in "
        "(parentheses).",
    )
