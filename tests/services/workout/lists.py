"""Diaries with workouts on several dates, and their expected order."""

from tests.services.workout.diary import Diary, Workout

DATES = ["2026-02-07", "2026-02-09", "2026-02-07", "2026-02-08", "2026-02-09", "2026-02-07"]


async def written(diary: Diary, *dates: str) -> list[Workout]:
    """Add a workout on each date; return them in the order of a list."""
    created = [await diary.create(date=date, notes=date) for date in dates]
    return sorted(created, key=lambda workout: workout.date)[::-1]


def dates_of(workouts: list[Workout]) -> list[str]:
    return [workout.date for workout in workouts]
