"""The start and the length of a LiftLog workout, from the times when its sets were completed."""

import datetime as dt
import re
from collections.abc import Sequence
from typing import NamedTuple

from server.services.workout.formats.cells.dates import Moment
from server.services.workout.formats.cells.zones import Clock
from server.services.workout.formats.model import ReadOptions
from server.services.workout.formats.warnings import Warnings
from server.services.workout.model import MAX_MINUTES, MIN_MINUTES

# The app leaves out seconds that are 0.
_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?)(?:\.\d{1,9})?(Z|[+-]\d{2}:\d{2})?", re.ASCII
)


class Span(NamedTuple):
    """The date and start of a workout where the person was; `minutes` is None if unknown."""

    date: dt.date
    start_time: str
    minutes: int | None


class Times:
    """Reader of spans. Raises UnreadableFile if the options name an unknown time zone."""

    def __init__(self, options: ReadOptions, warnings: Warnings) -> None:
        self._clock = Clock(options, warnings)

    def span(self, moments: Sequence[Moment]) -> Span:
        """Return the span from the first to the last of `moments`, which are not empty."""
        first, last = min(moments, key=instant), max(moments, key=instant)
        local, start_time = self._clock.place(first)
        seconds = first.seconds_until(last)
        minutes = max(MIN_MINUTES, (seconds + 30) // 60)
        is_usable = seconds > 0 and minutes <= MAX_MINUTES
        return Span(local.date(), start_time, minutes if is_usable else None)


def moment_in(text: str) -> Moment | None:
    """Return the moment that `text` is, with or without an offset, else None."""
    match = _TIME.fullmatch(text)
    try:
        if match:
            wall = dt.datetime.fromisoformat(match[1])
            offset = (
                dt.datetime.fromisoformat(match[1] + match[2]).utcoffset() if match[2] else None
            )
            return Moment(wall, offset)
    except ValueError:
        pass
    return None


def instant(moment: Moment) -> float:
    """Return a number that orders moments; the calendar's first and last day must not overflow."""
    of_wall = (moment.wall - dt.datetime.min).total_seconds()  # noqa: DTZ901
    return of_wall - (moment.offset or dt.timedelta()).total_seconds()
