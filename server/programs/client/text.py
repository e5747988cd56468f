"""Parsing of input, and text that is safe to print on a terminal."""

import datetime as dt
import sys

from server.errors import StartError

# Joiners of letters and emoji: the only invisible characters that are printed.
_JOINERS = "\u200c\u200d"


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


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: `1 workout`, `1,200 workouts`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def waiting_time(seconds: int) -> str:
    """Return a duration for people: `45 seconds`, `3 minutes`."""
    if seconds < 120:
        return counted(seconds, "second")
    return counted(-(-seconds // 60), "minute")
