"""GetWorkoutStats on arbitrary diaries, compared with plain Python."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable

import asyncpg
from gymlocker.v2 import workout_pb2
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.services.workout.diary import Diary, over_grpc, sums_are_correct
from tests.services.workout.figures import DAY, TODAY, TYPES, Entry, Stats, enter

by_hypothesis = settings(
    derandomize=True,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def expected(entries: list[Entry], wanted: Callable[[Entry], bool], today: dt.date) -> Stats:
    """Return the statistics of the `entries` that `wanted` accepts."""
    counted = [entry for entry in entries if wanted(entry)]
    keys = Counter(TYPES[entry.type] for entry in counted)
    runs = list(streaks({entry.date for entry in counted}))
    return Stats(
        count=len(counted),
        minutes=sum(entry.minutes for entry in counted),
        weeks=periods(counted, lambda date: date - date.weekday() * DAY),
        months=periods(counted, lambda date: date.replace(day=1)),
        types=[
            workout_pb2.TypeStats(
                type=spelling(entries, key),
                count=count,
                minutes=sum(entry.minutes for entry in counted if TYPES[entry.type] == key),
            )
            for key, count in keys.items()
        ],
        current_streak=max((current(run, today) for run in runs), default=0),
        longest_streak=max((len(run) for run in runs), default=0),
    )


def periods(
    entries: list[Entry], start_of: Callable[[dt.date], dt.date]
) -> list[workout_pb2.PeriodStats]:
    figures: dict[dt.date, list[int]] = {}
    for entry in entries:
        figures.setdefault(start_of(entry.date), []).append(entry.minutes)
    return [
        workout_pb2.PeriodStats(start=start.isoformat(), count=len(minutes), minutes=sum(minutes))
        for start, minutes in sorted(figures.items())
    ]


def spelling(entries: list[Entry], key: str) -> str:
    """Return the spelling of a type in its newest workout."""
    of_type = [(entry.date, number) for number, entry in enumerate(entries)]
    newest = max(place for place in of_type if TYPES[entries[place[1]].type] == key)
    return entries[newest[1]].type


def streaks(dates: Iterable[dt.date]) -> Iterable[set[dt.date]]:
    """Yield the runs of consecutive `dates`."""
    numbers = {date.toordinal() for date in dates}
    for first in numbers:
        if first - 1 not in numbers:
            last = first
            while last + 1 in numbers:
                last += 1
            yield {dt.date.fromordinal(number) for number in range(first, last + 1)}


def current(run: set[dt.date], today: dt.date) -> int:
    """Return the length of a run up to today if it includes today or yesterday, else 0."""
    past = {date for date in run if date <= today}
    recent = {date for date in past if today.toordinal() - date.toordinal() <= 1}
    return len(past) if recent else 0


def in_one_order(stats: Stats) -> Stats:
    """Return `stats` with types of equal count sorted by name: their order is unspecified."""
    counts = [each.count for each in stats.types]
    assert counts == sorted(counts, reverse=True)
    types = sorted(stats.types, key=lambda each: (-each.count, each.type))
    copy = Stats()
    copy.CopyFrom(stats)
    del copy.types[:]
    copy.types.extend(types)
    return copy


def in_one_order_of_model(stats: Stats) -> Stats:
    by_count = sorted(stats.types, key=lambda each: (-each.count, each.type))
    del stats.types[:]
    stats.types.extend(by_count)
    return stats


NEAR = st.integers(-12, 4).map(lambda days: TODAY + days * DAY)


FAR = st.dates() | st.sampled_from(
    [
        dt.date.min,
        dt.date.min + DAY,
        dt.date.max,
        dt.date.max - DAY,
        dt.date(2024, 2, 29),
        dt.date(2024, 12, 30),
        dt.date(2021, 1, 3),
        dt.date(2025, 12, 31),
        dt.date(2026, 1, 1),
    ]
)


DATES = NEAR | NEAR | NEAR | FAR


ENTRIES = st.lists(
    st.builds(Entry, DATES, st.sampled_from(sorted(TYPES)), st.integers(1, 10_080)), max_size=40
)


RANGES = st.tuples(st.none() | DATES, st.none() | DATES)


AT_THE_ENDS = [Entry(dt.date.min, "Run", 1), Entry(dt.date.max, "run", 2)]


def iso(date: dt.date | None) -> str:
    return date.isoformat() if date else ""


class TestGetWorkoutStats:
    @over_grpc
    @by_hypothesis
    @given(ENTRIES, RANGES, st.sampled_from(["", *TYPES]), NEAR | FAR)
    @example([], (None, None), "", TODAY)
    @example(AT_THE_ENDS, (None, None), "", TODAY)
    @example(AT_THE_ENDS, (None, None), "", dt.date.min)
    @example(AT_THE_ENDS, (None, None), "", dt.date.max)
    @example(AT_THE_ENDS, (dt.date.min, dt.date.max), "RUN", dt.date.max)
    async def test_equals_plain_python(
        self,
        diary: Diary,
        database: asyncpg.Connection,
        entries: list[Entry],
        ends: tuple[dt.date | None, dt.date | None],
        type_: str,
        today: dt.date,
    ) -> None:
        await enter(database, diary.user.id, entries)
        start, end = ends

        def wanted(entry: Entry) -> bool:
            in_range = (start or dt.date.min) <= entry.date <= (end or dt.date.max)
            return in_range and (not type_ or TYPES[entry.type] == TYPES[type_])

        stats = await diary.stats(
            start_date=iso(start), end_date=iso(end), type=type_, today=today.isoformat()
        )
        assert in_one_order(stats) == in_one_order_of_model(expected(entries, wanted, today))
        assert await sums_are_correct(database, diary.user.id)
