"""SQLite's values in the types of PostgreSQL. SQLite stores any type in any column.

Each conversion raises ValueError with the end of a sentence about the value, without the value.
"""

import datetime as dt
import json
import re
from collections.abc import Callable
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import ARRAY, Column, DateTime, LargeBinary, Text, Uuid

from server.libraries.common.text import uuid_in

Convert: TypeAlias = Callable[[object], object]

# .NET counts ticks of 100 ns from the year 1.
_YEAR_1 = dt.datetime.min.replace(tzinfo=dt.UTC)
MAX_TICKS = 3_155_378_975_999_999_999
_TICKS_PER_MICROSECOND = 10
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})*")
_KINDS = {int: "a whole number", float: "a fraction", str: "text", bytes: "binary data"}


def conversion(column: Column[Any]) -> Convert:
    """Return the conversion of values of a column of LiftLog's schema."""
    convert = _conversion(column)

    def checked(value: object) -> object:
        if value is not None:
            return convert(value)
        if not column.nullable:
            raise ValueError("is missing")
        return None

    return checked


def _conversion(column: Column[Any]) -> Convert:
    match column.type:
        case Uuid():
            return _uuid
        case DateTime():
            return _time
        case LargeBinary():
            return _bytes
        case ARRAY():
            return _chunks
        case Text():
            return _text
        case other if (length := getattr(other, "length", None)) is not None:
            return lambda value: _short_text(value, length)
        case other:
            raise TypeError(f"no conversion to {other!r}")


def _uuid(value: object) -> UUID:
    found = uuid_in(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("is not a UUID")
    return found


def _time(value: object) -> dt.datetime:
    """Convert ticks, cut to microseconds. asyncpg stores the last one as infinity, as LiftLog does.

    The first one is minus infinity.
    """
    if not isinstance(value, int):
        raise ValueError(_not("a time in ticks", value))
    if not 0 <= value <= MAX_TICKS:
        raise ValueError("is not a time between the years 1 and 9999")
    return _YEAR_1 + dt.timedelta(microseconds=value // _TICKS_PER_MICROSECOND)


def _bytes(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError(_not("binary data", value))
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(_not("text", value))
    if "\0" in value or not _is_unicode(value):
        raise ValueError("is not text that PostgreSQL can store (UTF-8 without null characters)")
    return value


def _short_text(value: object, length: int) -> str:
    text = _text(value)
    if len(text) > length:
        raise ValueError(f"is longer than {length} characters")
    return text


def _chunks(value: object) -> list[bytes | None]:
    """Convert a JSON array of hexadecimal strings. LiftLog can store a missing chunk as null."""
    wrong = "is not a JSON array of hexadecimal strings"
    try:
        chunks = json.loads(_text(value))
    except (ValueError, RecursionError):
        raise ValueError(wrong) from None
    if not isinstance(chunks, list):
        raise ValueError(wrong)
    return [None if chunk is None else _of_hex(chunk, wrong) for chunk in chunks]


def _of_hex(chunk: object, wrong: str) -> bytes:
    # bytes.fromhex alone would also accept spaces.
    if not isinstance(chunk, str) or not _HEX.fullmatch(chunk):
        raise ValueError(wrong)
    return bytes.fromhex(chunk)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _not(wanted: str, value: object) -> str:
    return f"is {_KINDS[type(value)]}, not {wanted}"
