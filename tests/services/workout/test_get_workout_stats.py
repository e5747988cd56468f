"""GetWorkoutStats, over every transport."""

import datetime as dt
from typing import Any

import asyncpg
from gymlocker.v2 import workout_pb2

from tests.services.workout.diary import Diary, sums_are_correct
from tests.services.workout.figures import DAY, TODAY, Entry, Stats, enter

STREAKS = {
    "2026-02-04": 0,
    "2026-02-05": 1,
    "2026-02-06": 2,
    "2026-02-07": 3,
    "2026-02-08": 3,
    "2026-02-09": 0,
    "2026-02-10": 1,
    "2026-02-11": 1,
    "2026-02-12": 0,
    "9999-12-31": 0,
    "0001-01-01": 0,
}


class TestGetWorkoutStats:
    async def test_is_empty_for_empty_diary(self, diary: Diary) -> None:
        assert await diary.stats() == Stats()
        assert await diary.stats(type="Run", start_date="2026-02-07", today="2026-02-07") == Stats()

    async def test_sums_per_week_month_and_type(self, diary: Diary) -> None:
        for date, type_, minutes in [
            ("2026-02-01", "Run", 10),  # a Sunday
            ("2026-02-02", "run", 20),
            ("2026-02-02", "Yoga", 30),
            ("2026-01-31", "RUN", 40),
        ]:
            await diary.create(date=date, type=type_, duration=minutes)
        period, of_type = workout_pb2.PeriodStats, workout_pb2.TypeStats
        assert await diary.stats(today="2026-02-03") == Stats(
            count=4,
            minutes=100,
            current_streak=3,
            longest_streak=3,
            weeks=[
                period(start="2026-01-26", count=2, minutes=50),
                period(start="2026-02-02", count=2, minutes=50),
            ],
            months=[
                period(start="2026-01-01", count=1, minutes=40),
                period(start="2026-02-01", count=3, minutes=60),
            ],
            types=[
                of_type(type="run", count=3, minutes=70),
                of_type(type="Yoga", count=1, minutes=30),
            ],
        )

    async def test_caps_minutes_at_maximum_of_field(
        self, diary: Diary, database: asyncpg.Connection
    ) -> None:
        most = 2**31 - 1
        entries = [Entry(TODAY, "Run", most), Entry(TODAY, "run", most), Entry(TODAY, "Yoga", 1)]
        await enter(database, diary.user.id, entries)
        stats = await diary.stats()
        assert (stats.count, stats.minutes) == (3, most)
        assert [week.minutes for week in stats.weeks] == [most]
        assert [month.minutes for month in stats.months] == [most]
        assert [(each.type, each.minutes) for each in stats.types] == [("run", most), ("Yoga", 1)]
        assert await sums_are_correct(database, diary.user.id)

    async def test_ignores_workouts_of_others(self, diary: Diary, other: Diary) -> None:
        await other.create()
        assert await diary.stats() == Stats()
        await diary.create(duration=7)
        assert (await diary.stats()).minutes == 7

    async def test_spells_type_as_in_newest_workout(self, diary: Diary) -> None:
        await diary.create(type="RUN", date="2026-02-07")
        newest = await diary.create(type="Run", date="2026-02-07")
        await diary.create(type="run", date="2026-02-06")
        assert [each.type for each in (await diary.stats()).types] == ["Run"]
        await diary.delete(newest.id)
        assert [each.type for each in (await diary.stats(type="rUN")).types] == ["RUN"]

    async def test_follows_every_change(self, diary: Diary, database: asyncpg.Connection) -> None:
        workout = await diary.create(date="2026-02-07", type="Run", duration=10)
        await diary.create(date="2026-02-07", type="Run", duration=5)
        changes: list[tuple[dict[str, Any], int, dict[str, int]]] = [
            ({"duration": 20}, 25, {"Run": 2}),
            ({"type": "Yoga"}, 25, {"Run": 1, "Yoga": 1}),
            ({"date": "2026-03-01"}, 25, {"Run": 1, "Yoga": 1}),
            ({"date": "2026-02-07", "type": "run", "duration": 1}, 6, {"run": 2}),
            ({"notes": "nothing that is counted"}, 6, {"run": 2}),
        ]
        for change, minutes, types in changes:
            await diary.patch(workout.id, **change)
            stats = await diary.stats()
            assert (stats.count, stats.minutes) == (2, minutes)
            assert {each.type.lower(): each.count for each in stats.types} == {
                type_.lower(): count for type_, count in types.items()
            }
            assert await sums_are_correct(database, diary.user.id)
        await diary.delete(workout.id)
        assert (await diary.stats()).minutes == 5


class TestStreaks:
    async def test_is_current_today_and_day_after(self, diary: Diary) -> None:
        for day in (5, 6, 7, 10):
            await diary.create(date=f"2026-02-{day:02}")
        for today, streak in STREAKS.items():
            stats = await diary.stats(today=today)
            assert (stats.current_streak, stats.longest_streak) == (streak, 3)

    async def test_counts_filtered_workouts_only(self, diary: Diary) -> None:
        for day, type_ in ((5, "Run"), (6, "Yoga"), (7, "Run"), (8, "run")):
            await diary.create(date=f"2026-02-0{day}", type=type_)
        for filters, expected in [
            ({}, (4, 4)),
            ({"type": "Run"}, (2, 2)),
            ({"type": "Yoga"}, (0, 1)),
            ({"type": "Swim"}, (0, 0)),
            ({"start_date": "2026-02-06"}, (3, 3)),
            ({"end_date": "2026-02-06"}, (0, 2)),
        ]:
            stats = await diary.stats(today="2026-02-08", **filters)
            assert (stats.current_streak, stats.longest_streak) == expected

    async def test_today_defaults_to_date_in_utc(self, diary: Diary) -> None:
        before = dt.datetime.now(dt.UTC).date()
        for days in range(-2, 3):
            await diary.create(date=(before + days * DAY).isoformat())
        current_streak = (await diary.stats()).current_streak
        passed = (dt.datetime.now(dt.UTC).date() - before).days
        # Midnight may pass in between.
        assert current_streak in {3, 3 + passed}
