"""Parsing of input, and text that is safe to print on a terminal."""

import datetime as dt
import re
import sys

from server.errors import StartError

# Joiners of letters and emoji: the only invisible characters that are printed.
_JOINERS = "\u200c\u200d"

_TIME = re.compile(r"(\d{1,2}):(\d\d)(:\d\d(?:\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)?")
_DATE_TIME = re.compile(rf"\d{{4}}-\d\d-\d\d[Tt]{_TIME.pattern.removesuffix('?')}")


def printable(text: str) -> str:
    """Return `text` on one line, without control characters.

    Notes may come from untrusted files, which may contain escape sequences.
    """
    shown = "".join(char if char.isprintable() or char in _JOINERS else " " for char in text)
    return " ".join(shown.split())


def warn(text: str) -> None:
    """Print a warning to the standard error."""
    print(printable(text), file=sys.stderr)


def day(text: str | None, today: dt.date) -> str:
    """Return a typed date in the API's format; "" if there is none. Raises StartError."""
    if not text:
        return ""
    match text.lower():
        case "today":
            return today.isoformat()
        case "yesterday":
            return (today - dt.timedelta(days=1)).isoformat()
    try:
        return dt.date.fromisoformat(text).isoformat()
    except ValueError:
        raise StartError(
            f"{printable(text)!r} is not a date: write it as {today.isoformat()}, "
            "`today` or `yesterday`."
        ) from None


def start_time(text: str, date: str) -> str:
    """Return a typed time of day on `date` in RFC 3339; "" if there is none. Raises StartError.

    `18:30` gets the offset of the local time zone on that day. An offset, as in `18:30+01:00`, and
    a whole time, as in `2026-02-07T18:30:00+01:00`, are kept.
    """
    if not text or _DATE_TIME.fullmatch(text):
        return text
    try:
        if (found := _TIME.fullmatch(text)) is None:
            raise ValueError
        time = f"{date}T{found[1]:0>2}:{found[2]}{found[3] or ':00'}"
        offset = found[4] or _local_offset(dt.datetime.fromisoformat(time))
        # It raises an error if there is no such time.
        dt.datetime.fromisoformat((time + offset).upper())
    except (ValueError, OverflowError):
        raise StartError(f"{printable(text)!r} is not a time of day: write it as 18:30.") from None
    return time + offset


def _local_offset(time: dt.datetime) -> str:
    offset = time.astimezone().utcoffset() or dt.timedelta()
    hours, minutes = divmod(abs(offset) // dt.timedelta(minutes=1), 60)
    return f"{'-' if offset < dt.timedelta() else '+'}{hours:02}:{minutes:02}"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: `1 workout`, `1,200 workouts`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def hours(minutes: int) -> str:
    """Return a duration in minutes for people: `45 min`, `312 h 40 min`."""
    whole, rest = divmod(minutes, 60)
    parts = [f"{whole:,} h"] if whole else []
    if rest or not whole:
        parts.append(f"{rest} min")
    return " ".join(parts)


def waiting_time(seconds: int) -> str:
    """Return a duration for people: `45 seconds`, `3 minutes`."""
    if seconds < 120:
        return counted(seconds, "second")
    return counted(-(-seconds // 60), "minute")


def is_interactive() -> bool:
    """Check whether a person can answer questions."""
    return sys.stdin.isatty() and sys.stderr.isatty()
