"""Parsers of other apps' cells: numbers, times, durations.

Texts are returned as they go into notes, so a number stays as it was typed. All parsers raise
BadCell for a cell that they cannot read.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

from server.services.workout.formats.model import BadCell, quoted
from server.services.workout.formats.table import Row

# Apps follow the phone's locale, so decimal commas occur; a comma-separated file quotes them.
_NUMBER = re.compile(r"(-?[0-9]+(?:[.,][0-9]+)?)(?:[eE][+-]?[0-9]{1,3})?")
# Not three digits after the comma: 3,600 may mean one hour.
_WHOLE = re.compile(r"([0-9]{1,9})(?:[.,][0-9]{1,2})?")
_CLOCK = re.compile(r"(?:([0-9]{1,4}):([0-5]?[0-9])|([0-9]{1,4})):([0-5][0-9])")
_PARTS = re.compile(r"(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,9})s)?")

_TIME = (
    r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]+)?)?"
    r"(?:\s?([AaPp])[Mm])?\s?(Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_ISO = re.compile(rf"([0-9]{{4}})-([0-9]{{2}})-([0-9]{{2}})(?:[T\s]{_TIME})?")
_DAY_FIRST = re.compile(rf"([0-9]{{1,2}}) ([A-Za-z]+)\.? ([0-9]{{4}})(?:,? {_TIME})?")
_MONTH_FIRST = re.compile(rf"([A-Za-z]+)\.? ([0-9]{{1,2}}), ([0-9]{{4}})(?:,? {_TIME})?")
_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)


def number(row: Row, name: str) -> str:
    """Return a number as typed, without `.0`; "" if the cell is empty or the column missing."""
    text = row[name]
    if not text:
        return ""
    if not _NUMBER.fullmatch(text):
        raise _bad(row, name, "is not a number")
    if not text.strip("-0.,"):
        return "0"
    # Not three zeros: 1,000 may mean a thousand.
    return re.sub(r"[.,]0{1,2}$", "", text)


def measure(row: Row, columns: list[tuple[str, str]], unit: str = "") -> str:
    """Return the first number of `columns` that is not 0, with its unit: "82.5 kg"; else "".

    `columns` are names and units; the column `unit`, unless empty, takes precedence.
    """
    numbers = [(number(row, name), of_column) for name, of_column in columns]
    for value, of_column in numbers:
        if value not in ("", "0"):
            return f"{value} {row[unit] or of_column}".strip()
    return ""


def time(row: Row, name: str) -> str:
    """Return the duration of a set: "45 s", "1:30" or "1:05:00"; "" if empty or 0."""
    clock = _CLOCK.fullmatch(row[name])
    if not clock:
        seconds = number(row, name)
        return "" if seconds in ("", "0") else f"{seconds} s"
    seconds_of_clock = _seconds(clock)
    minutes, second = divmod(seconds_of_clock, 60)
    hour, minute = divmod(minutes, 60)
    if hour:
        return f"{hour}:{minute:02}:{second:02}"
    return f"{minute}:{second:02}" if minute else f"{second} s" if second else ""


def duration(row: Row, name: str) -> int:
    """Return the seconds of `1h 5m`, `45m`, `50s`, `1:05:00` or `3900`; 0 if empty."""
    text = "".join(row[name].lower().split())
    if clock := _CLOCK.fullmatch(text):
        return _seconds(clock)
    if parts := _PARTS.fullmatch(text):
        hours, minutes, seconds = (int(part or 0) for part in parts.groups())
        return hours * 3600 + minutes * 60 + seconds
    if number_of_seconds := _WHOLE.fullmatch(text):
        return int(number_of_seconds[1])
    raise _bad(row, name, "is not a duration such as 1h 5m or 3900")


def moment(row: Row, name: str) -> datetime:
    """Return a local date and time.

    Accepts `2021-03-01 18:02:11`, `15 Jan 2024, 18:30` and `Jan 15, 2024, 6:30 PM`, each also
    without a time or with an offset. Without an offset it is UTC, so that two can be subtracted.
    """
    try:
        if match := _ISO.fullmatch(row[name]):
            year, month, day, *rest = match.groups()
            return _moment(year, int(month), day, *rest)
        if match := _DAY_FIRST.fullmatch(row[name]):
            day, word, year, *rest = match.groups()
            return _moment(year, _month(word), day, *rest)
        if match := _MONTH_FIRST.fullmatch(row[name]):
            word, day, year, *rest = match.groups()
            return _moment(year, _month(word), day, *rest)
    except ValueError:
        pass
    raise _bad(row, name, "is not a date such as 2024-01-15 18:30:00 or 15 Jan 2024, 18:30")


def _moment(year: str, month: int, day: str, *time: str | None) -> datetime:
    hour, minute, second, half, offset = time
    hours = int(hour or 0)
    if half:
        if not 1 <= hours <= 12:
            raise ValueError(hours)
        hours = hours % 12 + (12 if half in "Pp" else 0)
    return datetime(
        int(year), month, int(day), hours, int(minute or 0), int(second or 0), tzinfo=_zone(offset)
    )


def _zone(offset: str | None) -> timezone:
    if offset in (None, "Z"):
        return UTC
    digits = offset.replace(":", "")
    difference = timedelta(hours=int(digits[1:3]), minutes=int(digits[3:]))
    return timezone(-difference if digits[0] == "-" else difference)


def _month(word: str) -> int:
    """Return the number of an English month; three letters are enough."""
    for number_of_month, name in enumerate(_MONTHS, start=1):
        if len(word) >= 3 and name.startswith(word.lower()):
            return number_of_month
    raise ValueError(word)


def _seconds(clock: re.Match[str]) -> int:
    """Return the seconds of H:MM:SS or M:SS."""
    hours, minutes, minutes_alone, seconds = (int(part or 0) for part in clock.groups())
    return hours * 3600 + (minutes + minutes_alone) * 60 + seconds


def _bad(row: Row, name: str, problem: str) -> BadCell:
    return BadCell(row.header.title(name), f"{quoted(row[name])} {problem}")
