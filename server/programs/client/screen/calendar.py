"""A year as a grid: a column for each week, a row for each day of the week."""

import datetime as dt
from bisect import bisect_right
from collections.abc import Mapping

from rich.text import Text

from server.programs.client.screen.console import Screen

# From nothing to the longest days.
BLOCKS = "·░▒▓█"
ASCII = ".-+x#"
WEEK = dt.timedelta(days=7)
DAY = dt.timedelta(days=1)
SUNDAY = 6
LABEL_WIDTH = 4
COLOURS = ("bright_black", "green", "green", "green", "bright_green")


def show_calendar(
    screen: Screen,
    minutes: Mapping[dt.date, int],
    first: dt.date,
    last: dt.date,
    *,
    from_sunday: bool,
) -> None:
    """Write the days from `first` to `last`, each shaded by its minutes."""
    start = first - DAY * ((first.weekday() + from_sunday) % 7)
    weeks = range((last - start).days // 7 + 1)
    shades = BLOCKS if screen.can_show(BLOCKS) else ASCII
    limits = _limits(minutes)
    drawing = Text(f"{' ' * LABEL_WIDTH}{_months(start, last)}\n")
    for row in range(7):
        weekday = start + DAY * row
        drawing.append(f"{weekday:%a} " if row % 2 == 0 else " " * LABEL_WIDTH)
        for week in weeks:
            day = weekday + WEEK * week
            if first <= day <= last:
                level = bisect_right(limits, minutes.get(day, 0))
                drawing.append(shades[level], COLOURS[level])
            else:
                drawing.append(" ")
        drawing.rstrip()
        drawing.append("\n")
    drawing.append(f"{' ' * LABEL_WIDTH}minutes a day: {_legend(limits, shades)}")
    screen.write_drawing(drawing)


def _limits(minutes: Mapping[dt.date, int]) -> list[int]:
    """Return the least minutes of each shade but the first: quartiles of the days with any."""
    days = sorted(each for each in minutes.values() if each > 0)
    if not days:
        return []
    return sorted({days[len(days) * quarter // 4] for quarter in range(4)})


def _legend(limits: list[int], shades: str) -> str:
    return "  ".join(
        f"{shade} {least:,}" + ("+" if least else "")
        for shade, least in zip(shades, [0, *limits], strict=False)
    )


def _months(start: dt.date, last: dt.date) -> str:
    """Return the names of months, each above the week that has its first day."""
    line = ""
    for number in range((last - start).days + 1):
        day = start + DAY * number
        if day.day == 1 and len(line) <= number // 7:
            line = f"{line.ljust(number // 7)}{day:%b} "
    return line.rstrip()
