"""The response of GetWorkoutStats."""

import datetime as dt

from gymlocker.v2 import workout_pb2

from server.services.workout.messages import capped
from server.services.workout.statistics_repository import Stats, Sum


def stats_response(stats: Stats) -> workout_pb2.GetWorkoutStatsResponse:
    """Return the message of statistics."""
    total = stats.total
    return workout_pb2.GetWorkoutStatsResponse(
        count=total.count,
        minutes=capped(total.minutes),
        current_streak=stats.current_streak,
        longest_streak=stats.longest_streak,
        weeks=_periods(stats.weeks),
        months=_periods(stats.months),
        types=[
            workout_pb2.TypeStats(
                type=type_,
                count=each.count,
                minutes=capped(each.minutes),
                volume=each.volume,
                sets=each.sets,
            )
            for type_, each in stats.types.items()
        ],
        volume=total.volume,
        sets=total.sets,
    )


def _periods(sums: dict[dt.date, Sum]) -> list[workout_pb2.PeriodStats]:
    return [
        workout_pb2.PeriodStats(
            start=start.isoformat(),
            count=each.count,
            minutes=capped(each.minutes),
            volume=each.volume,
            sets=each.sets,
        )
        for start, each in sums.items()
    ]
