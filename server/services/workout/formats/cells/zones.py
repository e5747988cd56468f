"""Start times with the offset of the person's time zone."""

import datetime as dt
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from server.services.workout.formats.cells.dates import Moment
from server.services.workout.formats.model import ReadOptions, UnreadableFile, quoted
from server.services.workout.formats.warnings import Warnings

_REMEDY = "To store the time of your clock with its offset, import it again with time_zone"


class Clock:
    """The time zone of a file, UTC unless the options name one. Raises UnreadableFile."""

    def __init__(self, options: ReadOptions, warnings: Warnings) -> None:
        self._warnings = warnings
        self._zone: dt.tzinfo | None = None
        if options.time_zone:
            try:
                self._zone = ZoneInfo(options.time_zone)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                raise UnreadableFile(
                    f"The time zone {quoted(options.time_zone)} is not known. Give a name such as "
                    "Europe/Berlin as time_zone."
                ) from None

    def place(self, moment: Moment) -> tuple[dt.datetime, str]:
        """Return the local time, without offset, and the start time in RFC 3339.

        The start time is "" if the moment is a date alone.
        """
        wall, offset, has_time = moment
        if not has_time:
            return wall, ""
        if offset:
            return wall, _text(wall, offset)
        if offset is None:
            return wall, self._local(wall)
        if self._zone is None:
            self._warnings.add(f"The times of the file are UTC. {_REMEDY}")
            return wall, _text(wall, dt.timedelta())
        try:
            local = wall.replace(tzinfo=dt.UTC).astimezone(self._zone)
        except OverflowError:
            # The first or the last day of the calendar.
            return wall, _text(wall, dt.timedelta())
        return local.replace(tzinfo=None), _text(local, local.utcoffset())

    def _local(self, wall: dt.datetime) -> str:
        if self._zone is None:
            self._warnings.add(
                f"The times of the file have no time zone, so they were read as UTC. {_REMEDY}"
            )
            return _text(wall, dt.timedelta())
        return _text(wall, wall.replace(tzinfo=self._zone).utcoffset())


def _text(wall: dt.datetime, offset: dt.timedelta | None) -> str:
    # Before about 1900, offsets have seconds, which RFC 3339 does not.
    minutes = round((offset or dt.timedelta()).total_seconds() / 60)
    time = wall.replace(tzinfo=None).isoformat(timespec="seconds")
    if not minutes:
        return f"{time}Z"
    hours, rest = divmod(abs(minutes), 60)
    return f"{time}{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"
