"""Durations of other apps: 1h 5m, 45 min, 1:05:00, 3900."""

import re
from decimal import ROUND_HALF_UP, Decimal

from server.services.workout.formats.cells.numbers import NotANumber, Numbers
from server.services.workout.formats.cells.units import SECONDS

_HUGE = 10**12
# Longer texts are not durations.
_MAX_LENGTH = 100
_CLOCK = re.compile(r"(?:(\d{1,4}):([0-5]?\d)|(\d{1,4})):([0-5]\d)(?:[.,](\d{1,9}))?")
_HOURS_AND_MINUTES = re.compile(r"(\d{1,4}):([0-5]\d)")
_PART = re.compile(r"(-?\d{1,9}(?:[.,]\d{1,9})?) ?([a-z]+)\.? ?")


class NotADuration(ValueError):
    """A text is not a duration."""


def seconds_of(text: str, numbers: Numbers) -> int:
    """Return the seconds of a text, rounded half up; 0 if it is empty. Raises NotADuration."""
    if len(text) > _MAX_LENGTH:
        raise NotADuration(text)
    text = " ".join(text.lower().split())
    if clock := _CLOCK.fullmatch(text):
        hours, minutes, minutes_alone, seconds, fraction = clock.groups(default="0")
        whole = int(hours) * 3600 + (int(minutes) + int(minutes_alone)) * 60 + int(seconds)
        return whole + (fraction[0] >= "5")
    parts = _PART.findall(text)
    if parts and "".join(_PART.sub("", text).split()) == "":
        if any(unit not in SECONDS for _, unit in parts):
            raise NotADuration(text)
        sizes = (Decimal(size.replace(",", ".")) * SECONDS[unit] for size, unit in parts)
        return to_whole(sum(sizes, Decimal()))
    try:
        return to_whole(numbers[text] or Decimal())
    except NotANumber:
        raise NotADuration(text) from None


def seconds_of_hours(text: str, numbers: Numbers) -> int:
    """Return the seconds of decimal hours or of h:mm; 0 if empty. Raises NotADuration."""
    if clock := _HOURS_AND_MINUTES.fullmatch(text.strip()):
        return int(clock[1]) * 3600 + int(clock[2]) * 60
    try:
        # Not looked up: three decimals of an hour are not exact enough.
        return to_whole((numbers.exact(text) or Decimal()) * 3600)
    except NotANumber:
        return seconds_of(text, numbers)


def to_whole(number: Decimal) -> int:
    """Return the number rounded half up; a huge one, which no duration is, becomes -1."""
    if abs(number) > _HUGE:
        return -1
    return int(number.quantize(Decimal(1), ROUND_HALF_UP))
