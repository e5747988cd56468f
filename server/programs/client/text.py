"""What people type, and what their terminal may be shown."""

import datetime as dt
import sys

from server.errors import StartError

# They join letters and emoji, and are the only invisible characters that are let through.
_JOINERS = "\u200c\u200d"


def printable(text: str) -> str:
    """`text` on one line, without what a terminal would obey.

    Notes may come from anybody's file, and a file may hold escape sequences.
    """
    shown = "".join(char if char.isprintable() or char in _JOINERS else " " for char in text)
    return " ".join(shown.split())


def warn(text: str) -> None:
    """Says something beside the output of a command."""
    print(printable(text), file=sys.stderr)


def day(text: str | None, today: dt.date) -> str:
    """A date that was typed, as the contract has it; empty if there is none.

    Raises StartError.
    """
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
    """As in `1 workout` and `1,200 workouts`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def waiting_time(seconds: int) -> str:
    """As in `45 seconds` and `3 minutes`."""
    if seconds < 120:
        return counted(seconds, "second")
    return counted(-(-seconds // 60), "minute")
