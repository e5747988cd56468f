"""Totals, streaks, and sums per type, month and week with bars."""

from collections.abc import Sequence
from typing import TypeAlias

from gymlocker.v2 import workout_pb2

from server.programs.client.screen.console import Column, Screen
from server.programs.client.text import counted, hours

Sums: TypeAlias = workout_pb2.PeriodStats | workout_pb2.TypeStats

MAX_TYPES = 15
MAX_MONTHS = 12
MAX_WEEKS = 8
TYPE_WIDTH = 30
BAR_WIDTH, NARROW_BAR_WIDTH = 20, 9
# From it, there is room for long bars.
WIDE = 80
# Eighths of a block, from nothing to a whole one.
BLOCKS = " ▏▎▍▌▋▊▉█"


def show_stats(screen: Screen, stats: workout_pb2.GetWorkoutStatsResponse, unit: str) -> None:
    """Write the statistics; volumes are in `unit`."""
    if not stats.count:
        screen.write("No workouts found.")
        return
    screen.write(f"{counted(stats.count, 'workout')}, {hours(stats.minutes)}")
    if stats.sets:
        screen.write(f"{counted(stats.sets, 'set')}, {weight(stats.volume, unit)}")
    screen.write(
        f"Current streak: {counted(stats.current_streak, 'day')}; "
        f"longest: {counted(stats.longest_streak, 'day')}"
    )
    types = [(each.type, each) for each in stats.types]
    _show(screen, "Type", types[:MAX_TYPES], len(types), unit)
    months = [(each.start[:7], each) for each in stats.months]
    _show(screen, "Month", months[-MAX_MONTHS:], len(months), unit, bars=True)
    weeks = [(each.start, each) for each in stats.weeks]
    _show(screen, "Week of", weeks[-MAX_WEEKS:], len(weeks), unit, bars=True)


def weight(value: float, unit: str) -> str:
    """Return a large weight, rounded to a whole number."""
    return f"{value:,.0f} {unit}"


def bar(share: float, width: int, *, blocks: bool) -> str:
    """Return a bar that fills a share of the width; ASCII without `blocks`."""
    if not blocks:
        return "#" * round(share * width)
    whole, eighths = divmod(round(share * width * 8), 8)
    return (BLOCKS[-1] * whole + BLOCKS[eighths]).rstrip()


def _show(
    screen: Screen,
    heading: str,
    rows: Sequence[tuple[str, Sums]],
    of: int,
    unit: str,
    *,
    bars: bool = False,
) -> None:
    by_volume = any(each.volume for _, each in rows)
    columns = [
        Column(heading, least=10, most=TYPE_WIDTH),
        Column("Workouts", is_number=True),
        Column("Time", is_number=True),
        Column("Volume", is_number=True),
        Column("Sets", is_number=True),
    ]
    if bars:
        columns.append(Column("By volume" if by_volume else "By time"))
    values = [each.volume if by_volume else each.minutes for _, each in rows]
    blocks = screen.can_show(BLOCKS)
    width = BAR_WIDTH if screen.width >= WIDE else NARROW_BAR_WIDTH
    cells = [
        (
            name,
            f"{each.count:,}",
            hours(each.minutes),
            weight(each.volume, unit) if each.volume else "",
            f"{each.sets:,}" if each.sets else "",
            *((bar(value / max(values), width, blocks=blocks),) if bars else ()),
        )
        for (name, each), value in zip(rows, values, strict=True)
    ]
    screen.blank()
    screen.table(columns, cells)
    if of > len(rows):
        screen.write(f"{len(rows)} of {of:,}.")
