"""Dates and times of other apps, in the formats and languages of phones.

The language, and the order of day and month in 03/04/2024, are properties of a file: its dates
together decide, and a file that leaves them open is refused with a question.
"""

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from itertools import islice, pairwise
from typing import NamedTuple

from server.services.workout.formats.cells.languages import (
    MAX_WORDS,
    Language,
    language,
    languages,
    normalized,
    tokens,
)
from server.services.workout.formats.model import UnreadableFile, quoted

# Longer texts are not dates.
_MAX_LENGTH = 100
# Above all combinations of months, weekdays, halves of the day and numbers of digits.
_MAX_SHAPES = 2_000
_ISO = re.compile(
    r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})"
    r"(?:(?:t|,? )(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)? ?(z|[+-]\d{2}:?\d{2})?)?"
)
_TIME = re.compile(
    r"(?<!\d)(\d{1,2}) ?[:h時时시點点] ?(\d{2})(?: ?[:m分분] ?(\d{2})(?:[.,]\d+)?)?"
    r" ?[分분秒초]?(?!\d) ?(z(?!\w)|[+-]\d{2}:?\d{2})?"
)
# After the year, as in Finland: 5.6.2026 klo 7.30.
_TIME_WITH_POINTS = re.compile(r"(?<=\d{4})(?:,?(?: [^\d]*)? )(\d{1,2})\.(\d{2})(?:\.(\d{2}))?$")
_PREPOSITION = re.compile(r"(?<=\d),? ([^\W\d]+)\.? $")
_POINTS = re.compile(r"\d{1,2}\. ?\d{1,2}\. ?\d")
_NUMBER = re.compile(r"\d+")
_HALF_DAY = re.compile(r"[AP]M\b")


class Moment(NamedTuple):
    """A date and the wall time there; `offset` is None if not given, `has_time` false if alone."""

    wall: dt.datetime
    offset: dt.timedelta | None = None
    has_time: bool = True

    def seconds_until(self, end: "Moment") -> int:
        """Return the seconds between two moments, whose offsets count if both have one."""
        seconds = (end.wall - self.wall).total_seconds()
        if self.offset is not None and end.offset is not None:
            seconds += (self.offset - end.offset).total_seconds()
        return int(seconds)


class _Reading(NamedTuple):
    """The parts of a date. `is_open` is true if day and month may be exchanged."""

    year: int
    month: int
    day: int
    is_open: bool = False
    clock: tuple[int, int, int] | None = None
    offset: str | None = None


class Dates(dict[str, Moment | None]):
    """Moments by their texts; None if a text is not a date.

    `texts` are the dates of a file in the order of its rows. Raises UnreadableFile.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        super().__init__()
        given = dict.fromkeys(map(str.strip, texts))
        plain = {text: normalized(text) for text in given if 0 < len(text) <= _MAX_LENGTH}
        # Dates of ISO 8601 leave nothing open.
        unclear = {text: one for text, one in plain.items() if not _ISO.fullmatch(one)}
        self._language = _language(unclear.values())
        self._day_first = _is_day_first(unclear, self._language)

    def __missing__(self, text: str) -> Moment | None:
        """Read a text for the first time."""
        self[text] = found = self._read(text) if len(text) <= _MAX_LENGTH else None
        return found

    def _read(self, text: str) -> Moment | None:
        return _moment(_read(normalized(text), self._language), self._day_first)


def _moment(reading: _Reading | None, day_first: bool) -> Moment | None:
    if reading is None:
        return None
    day, month = reading.day, reading.month
    if reading.is_open and not day_first:
        day, month = month, day
    try:
        wall = dt.datetime(reading.year, month, day, *(reading.clock or ()))  # noqa: DTZ001
        return Moment(wall, _offset(reading.offset), reading.clock is not None)
    except ValueError:
        return None


def _offset(text: str | None) -> dt.timedelta | None:
    if not text:
        return None
    if text == "z":
        return dt.timedelta()
    digits = text.replace(":", "")
    size = dt.timedelta(hours=int(digits[1:3]), minutes=int(digits[3:]))
    offset = -size if digits[0] == "-" else size
    dt.timezone(offset)  # Raises ValueError beyond a day.
    return offset


def _read(text: str, words: Language) -> _Reading | None:
    """Return the parts of a normalized text; None if it is not a date in this language."""
    if iso := _ISO.fullmatch(text):
        year, _, month, day, hour, *rest, offset = iso.groups()
        clock = (int(hour), int(rest[0]), int(rest[1] or 0)) if hour else None
        return _Reading(int(year), int(month), int(day), clock=clock, offset=offset)
    rest_of_text, clock, offset = _clock(text, words)
    parts = _parts(rest_of_text, words)
    if parts is None:
        return None
    numbers, month, period = parts
    if period is not None:
        clock = _in_half(clock, period, words) if clock else None
        if clock is None:
            return None
    date = _date(numbers, month, rest_of_text)
    return date and date._replace(clock=clock, offset=offset)


def _clock(text: str, words: Language) -> tuple[str, tuple[int, int, int] | None, str | None]:
    """Return the text without its time, the time, and the offset after it."""
    if match := _TIME.search(text):
        before = text[: match.start()]
        # Between date and time: at, um, klo.
        preposition = _PREPOSITION.search(before)
        if preposition and not words.knows(preposition[1]):
            before = before[: preposition.start()]
        rest = f"{before} {text[match.end() :]}"
        return rest, (int(match[1]), int(match[2]), int(match[3] or 0)), match[4]
    if match := _TIME_WITH_POINTS.search(text):
        clock = (int(match[1]), int(match[2]), int(match[3] or 0))
        return text[: match.start()], clock, None
    return text, None, None


def _parts(
    text: str, words: Language
) -> tuple[list[str], int | None, frozenset[str] | None] | None:
    """Return the numbers, the month and the part of the day; None if a word is unknown."""
    found, index = tokens(text), 0
    numbers: list[str] = []
    month: int | None = None
    period: frozenset[str] | None = None
    while index < len(found):
        for length in range(MAX_WORDS, 0, -1):
            name = " ".join(found[index : index + length])
            if name in words.months and month is None:
                month = words.months[name]
            elif name in words.periods and period is None:
                period = words.periods[name]
            elif length == 1 and name.isdecimal():
                numbers.append(name)
            elif name not in words.others:
                continue
            index += length
            break
        else:
            return None
    return numbers, month, period


def _in_half(
    clock: tuple[int, int, int], period: frozenset[str], words: Language
) -> tuple[int, int, int] | None:
    """Return the time of a clock of 12 hours on one of 24; None if it has no such hour."""
    hour, minute, second = clock
    # In Japan, the first hour of the afternoon is 0.
    if not (0 if words.code == "ja" else 1) <= hour <= 12 or minute > 59:
        return None
    for half, start in (("am", 0), ("pm", 12)):
        if half in period:
            return hour % 12 + start, minute, second
    from babel.dates import get_period_id

    for start in (0, 12):
        time = dt.time(hour % 12 + start, minute)
        if get_period_id(time, locale=words.code) in period:
            return time.hour, minute, second
    return None


def _date(numbers: list[str], month: int | None, text: str) -> _Reading | None:
    if month is not None and len(numbers) == 2:
        year, day = sorted(numbers, key=len, reverse=True)
        if len(year) == len(day):
            day, year = numbers
        is_date = len(day) <= 2 and len(year) in (2, 4)
        return _Reading(_year(year), month, int(day)) if is_date else None
    if month is not None or len(numbers) != 3:
        return None
    first, second, third = numbers
    if len(first) == 4 and len(second) <= 2 and len(third) <= 2:
        return _Reading(int(first), int(second), int(third))
    if len(first) > 2 or len(second) > 2 or len(third) not in (2, 4):
        return None
    is_open = first != second and not _POINTS.search(text)
    return _Reading(_year(third), int(second), int(first), is_open)


def _year(digits: str) -> int:
    return int(digits) if len(digits) > 2 else 2000 + int(digits)


def _language(texts: Iterable[str]) -> Language:
    """Return the language that knows the words of most dates, which are normalized.

    Raises UnreadableFile if several languages read them differently.
    """
    # Numbers play no part, so a few shapes stand for all dates of a file.
    distinct = dict.fromkeys(_NUMBER.sub(_digits, text) for text in texts)
    shapes = list(islice(distinct, _MAX_SHAPES))
    english = language("en")
    if not any(_month(one, english) is None and re.search(r"[^\W\d_]", one) for one in shapes):
        return english
    known = {one: [_month(shape, one) for shape in shapes] for one in languages()}
    counts = {one.code: sum(month is not None for month in known[one]) for one in known}
    candidates = [one for one in known if counts[one.code] == max(counts.values())]
    for shape, *found in zip(shapes, *(known[one] for one in candidates), strict=True):
        months = {month: one for month, one in zip(found, candidates, strict=True) if month}
        if len(months) > 1:
            names = " and ".join(sorted(one.name for one in months.values())[:2])
            word = " ".join(word for word in tokens(shape) if not word.isdecimal())
            raise UnreadableFile(
                f"The dates can be read in several languages: {quoted(word)} means different "
                f"months in {names}. Set the app's language to English and export again."
            )
    return candidates[0]


def _month(shape: str, words: Language) -> int | None:
    """Return the number of the month, 0 if it is not a word; None if a word is unknown."""
    parts = _parts(_clock(shape, words)[0], words)
    return parts and (parts[1] or 0)


def _digits(number: re.Match[str]) -> str:
    return "2000" if len(number[0]) > 2 else "1" * len(number[0])


def _is_day_first(texts: Mapping[str, str], words: Language) -> bool:
    """Tell whether 03/04/2024 is in April. Raises UnreadableFile if nothing in the file does.

    `texts` are dates as in the file, each with its normalized form.
    """
    found = [(text, _read(plain, words)) for text, plain in texts.items()]
    dates = [
        (text, one) for text, one in found if one and one.is_open and min(one.day, one.month) <= 12
    ]
    if not dates:
        return True
    day_first = sum(one.day > 12 for _, one in dates)
    month_first = sum(one.month > 12 for _, one in dates)
    if day_first != month_first:
        return day_first > month_first
    sorted_by = [
        first for first in (True, False) if _is_sorted([_moment(one, first) for _, one in dates])
    ]
    if len(sorted_by) == 1:
        return sorted_by[0]
    if words.code != "en":
        return words.day_first
    # English phones write PM in the United States and pm elsewhere.
    if any(_HALF_DAY.search(text) for text, _ in dates):
        return False
    example = quoted(dates[0][0])
    raise UnreadableFile(
        f"The dates do not tell whether the day or the month comes first, such as {example}. "
        "Export again with the phone's or the app's language set to one that writes 2026-04-29 or "
        "29 Apr 2026."
    )


def _is_sorted(moments: list[Moment | None]) -> bool:
    walls = [moment.wall for moment in moments if moment]
    if len(walls) < len(moments):
        return False
    return all(a <= b for a, b in pairwise(walls)) or all(a >= b for a, b in pairwise(walls))
