"""Parsers and printers of values, which the formats have in common.

Each parser takes the `title` of the column or key for its message, and raises BadCell.
"""

import csv
import datetime as dt
import re
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from io import StringIO

from server.services.workout.formats.model import BadCell, quoted
from server.services.workout.model import DECIMALS, MAX_RPE, MIN_RPE

# fromisoformat alone would also accept 20240229 and 2024-W09-4.
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_WHOLE = re.compile(r"(-?[0-9]{1,9})(?:\.0{1,9})?")
_SHORT_DECIMAL = re.compile(rf"-?[0-9]{{1,12}}(?:\.[0-9]{{1,{DECIMALS}}})?")
_DECIMAL = re.compile(
    r"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,60})?|\.[0-9]{1,60})(?:[eE][+-]?[0-9]{1,2})?"
)
# Not three digits after the comma: 1,000 may mean a thousand.
_DECIMAL_COMMA = re.compile(r"(-?[0-9]{1,12}),([0-9]{1,2}|[0-9]{4,60})")
_SMALLEST = Decimal(1).scaleb(-DECIMALS)
# NUL, and half of a surrogate pair.
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_BOOLEANS = {"true": True, "false": False}


def text(title: str, value: str, max_length: int) -> str:
    """Return `value` as typed. PostgreSQL cannot store NUL or half of a surrogate pair."""
    if len(value) > max_length:
        raise BadCell(title, f"must have at most {max_length:,} characters, not {len(value):,}")
    if found := UNSTORABLE.search(value):
        name = "a NUL character" if found[0] == "\0" else "half of a surrogate pair"
        raise BadCell(title, f"must not contain {name}")
    return value


def name(title: str, value: str, max_length: int) -> str:
    """Return `value` without surrounding white space."""
    stripped = text(title, value, max_length).strip()
    if not stripped:
        raise BadCell(title, "must not be empty")
    return stripped


def date(title: str, value: str) -> dt.date:
    """Return a calendar date."""
    try:
        if _DATE.fullmatch(value):
            return dt.date.fromisoformat(value)
    except ValueError:
        pass
    raise BadCell(title, f"{quoted(value)} is not an existing date in the form YYYY-MM-DD")


def time(title: str, value: str) -> dt.datetime:
    """Return an RFC 3339 time."""
    try:
        if _TIME.fullmatch(value):
            return dt.datetime.fromisoformat(value.upper())
    except ValueError:
        pass
    problem = f"{quoted(value)} is not an existing time in the form 2026-02-07T18:30:00+01:00"
    raise BadCell(title, problem)


def instant(title: str, value: str) -> dt.datetime:
    """Return an RFC 3339 time in UTC, where it must be within the calendar, too."""
    try:
        return time(title, value).astimezone(dt.UTC)
    except OverflowError:
        raise BadCell(title, f"{quoted(value)} is before the year 1 or after 9999 in UTC") from None


def whole(title: str, value: str, least: int, most: int, unit: str = "") -> int:
    """Return a whole number from `least` to `most`, which are numbers of `unit`, if given."""
    match = _WHOLE.fullmatch(value)
    number = int(match[1]) if match else least - 1
    if not least <= number <= most:
        problem = f"{quoted(value)} is not a whole number{unit} from {least} to {most:,}"
        raise BadCell(title, problem)
    return number


def decimal(title: str, value: str, least: int, most: int) -> float:
    """Return a number from `least` to `most`, rounded half up to DECIMALS decimals."""
    number = _number(value)
    if number is None or not least <= number <= most:
        raise BadCell(title, f"{quoted(value)} is not a number from {least:,} to {most:,}")
    # There is no negative zero.
    return number + 0.0


def rpe(title: str, value: str) -> float:
    """Return a rate of perceived exertion."""
    number = _number(value)
    if number is None or not MIN_RPE <= number <= MAX_RPE or number * 2 % 1:
        limits = f"{MIN_RPE} to {MAX_RPE}"
        raise BadCell(title, f"{quoted(value)} is not a number from {limits} in steps of 0.5")
    return number


def choice(title: str, value: str, choices: Sequence[str]) -> str:
    """Return one of `choices`, compared ignoring case."""
    if (lower := value.lower()) in choices:
        return lower
    raise BadCell(title, f"{quoted(value)} is not one of {', '.join(choices)}")


def boolean(title: str, value: str) -> bool:
    """Return True or False."""
    if (found := _BOOLEANS.get(value.lower())) is None:
        raise BadCell(title, f"{quoted(value)} is neither true nor false")
    return found


def number_text(value: float) -> str:
    """Return a number with at most DECIMALS decimals as a person writes it: 100, 102.5."""
    return f"{value + 0.0:.{DECIMALS}f}".rstrip("0").rstrip(".")


def cell(value: float | None) -> str:
    """Return a number as a cell; "" for None."""
    return "" if value is None else number_text(value)


def csv_records(rows: Iterable[Sequence[str]], delimiter: str = ",") -> bytes:
    """Return rows as CSV records in UTF-8, each with its line ending (RFC 4180)."""
    lines = StringIO(newline="")
    csv.writer(lines, delimiter=delimiter).writerows(rows)
    return lines.getvalue().encode()


def _number(value: str) -> float | None:
    if _SHORT_DECIMAL.fullmatch(value):
        return float(value)
    if comma := _DECIMAL_COMMA.fullmatch(value):
        value = f"{comma[1]}.{comma[2]}"
    if not _DECIMAL.fullmatch(value):
        return None
    number = Decimal(value)
    # Larger ones are out of every range, and have too many digits to be rounded.
    if number.adjusted() > 15:
        return float(number)
    return float(number.quantize(_SMALLEST, ROUND_HALF_UP))
