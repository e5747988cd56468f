"""Figures about workouts, against plain Python, and the sums of each day behind them."""

import asyncio
import datetime as dt
import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from grpc import StatusCode
from gymlocker.v2 import user_pb2, workout_pb2
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.feed.client import Client, many_users, refused
from tests.house import House
from tests.workout.diary import TABLES, Diary, diary_of, sums_are_right

Stats = workout_pb2.GetWorkoutStatsResponse

over_grpc = pytest.mark.parametrize("transport", ["grpc"], indirect=True)
by_hypothesis = settings(
    derandomize=True,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

# Types that are the same but for their case have the same key here.
TYPES = {
    **dict.fromkeys(["Run", "run", "RUN"], "run"),
    **dict.fromkeys(["Straße", "STRASSE", "strasse"], "strasse"),
    **dict.fromkeys(["Übung", "ÜBUNG", "u\u0308bung"], "\u00fcbung"),
    "Yoga": "yoga",
}
TODAY = dt.date(2026, 2, 9)
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Entry:
    """A workout, as far as it is counted."""

    date: dt.date
    type: str
    minutes: int


async def enter(database: asyncpg.Connection, user_id: str, entries: list[Entry]) -> None:
    """Makes `entries` all that a diary has, the last one the newest, in two statements."""
    await database.execute("DELETE FROM workouts WHERE user_id = $1", UUID(user_id))
    await database.execute(
        """
        INSERT INTO workouts (user_id, id, date, type, type_key, duration, notes, created)
        SELECT $1, gen_random_uuid(), new.date::date, new.type, new.type_key, new.minutes, '',
            now() + number * interval '1 second'
        FROM unnest($2::text[], $3::text[], $4::text[], $5::int[])
            WITH ORDINALITY AS new(date, type, type_key, minutes, number)
        """,
        UUID(user_id),
        # As texts: asyncpg takes the first and the last date for infinities.
        [entry.date.isoformat() for entry in entries],
        [entry.type for entry in entries],
        [TYPES[entry.type] for entry in entries],
        [entry.minutes for entry in entries],
    )


# --- What the figures should be ---


def expected(entries: list[Entry], wanted: Callable[[Entry], bool], today: dt.date) -> Stats:
    """The figures of those `entries` that are wanted."""
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
    """How a type is spelt in the newest of all its workouts."""
    of_type = [(entry.date, number) for number, entry in enumerate(entries)]
    newest = max(place for place in of_type if TYPES[entries[place[1]].type] == key)
    return entries[newest[1]].type


def streaks(dates: Iterable[dt.date]) -> Iterable[set[dt.date]]:
    """The days in a row of `dates`."""
    numbers = {date.toordinal() for date in dates}
    for first in numbers:
        if first - 1 not in numbers:
            last = first
            while last + 1 in numbers:
                last += 1
            yield {dt.date.fromordinal(number) for number in range(first, last + 1)}


def current(run: set[dt.date], today: dt.date) -> int:
    """How long a run is up to today, if it has today or yesterday."""
    past = {date for date in run if date <= today}
    recent = {date for date in past if today.toordinal() - date.toordinal() <= 1}
    return len(past) if recent else 0


def in_one_order(stats: Stats) -> Stats:
    """`stats` with types of the same count by their names, for their order is not told."""
    counts = [each.count for each in stats.types]
    assert counts == sorted(counts, reverse=True)
    types = sorted(stats.types, key=lambda each: (-each.count, each.type))
    copy = Stats()
    copy.CopyFrom(stats)
    del copy.types[:]
    copy.types.extend(types)
    return copy


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


@over_grpc
@by_hypothesis
@given(ENTRIES, RANGES, st.sampled_from(["", *TYPES]), NEAR | FAR)
@example([], (None, None), "", TODAY)
@example(AT_THE_ENDS, (None, None), "", TODAY)
@example(AT_THE_ENDS, (None, None), "", dt.date.min)
@example(AT_THE_ENDS, (None, None), "", dt.date.max)
@example(AT_THE_ENDS, (dt.date.min, dt.date.max), "RUN", dt.date.max)
async def test_figures_are_what_plain_python_counts(
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
    assert await sums_are_right(database, diary.user.id)


def in_one_order_of_model(stats: Stats) -> Stats:
    by_count = sorted(stats.types, key=lambda each: (-each.count, each.type))
    del stats.types[:]
    stats.types.extend(by_count)
    return stats


# --- Over every way to call ---


async def test_an_empty_diary_has_nothing_to_count(diary: Diary) -> None:
    assert await diary.stats() == Stats()
    assert await diary.stats(type="Run", start_date="2026-02-07", today="2026-02-07") == Stats()


async def test_figures_of_a_small_diary(diary: Diary) -> None:
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
        types=[of_type(type="run", count=3, minutes=70), of_type(type="Yoga", count=1, minutes=30)],
    )


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


async def test_a_streak_is_current_today_and_the_day_after(diary: Diary) -> None:
    for day in (5, 6, 7, 10):
        await diary.create(date=f"2026-02-{day:02}")
    for today, streak in STREAKS.items():
        stats = await diary.stats(today=today)
        assert (stats.current_streak, stats.longest_streak) == (streak, 3)


async def test_a_streak_is_of_what_was_asked_for(diary: Diary) -> None:
    for day, type_ in ((5, "Run"), (6, "Yoga"), (7, "Run"), (8, "run")):
        await diary.create(date=f"2026-02-0{day}", type=type_)
    for asked, expected in [
        ({}, (4, 4)),
        ({"type": "Run"}, (2, 2)),
        ({"type": "Yoga"}, (0, 1)),
        ({"type": "Swim"}, (0, 0)),
        ({"start_date": "2026-02-06"}, (3, 3)),
        ({"end_date": "2026-02-06"}, (0, 2)),
    ]:
        stats = await diary.stats(today="2026-02-08", **asked)
        assert (stats.current_streak, stats.longest_streak) == expected


async def test_today_is_the_date_in_utc_unless_told(diary: Diary) -> None:
    before = dt.datetime.now(dt.UTC).date()
    for days in range(-2, 3):
        await diary.create(date=(before + days * DAY).isoformat())
    current_streak = (await diary.stats()).current_streak
    passed = (dt.datetime.now(dt.UTC).date() - before).days
    # It may be midnight in between.
    assert current_streak in {3, 3 + passed}


async def test_minutes_stop_at_the_most_that_a_reply_can_say(
    diary: Diary, database: asyncpg.Connection
) -> None:
    most = 2**31 - 1
    entries = [Entry(TODAY, "Run", most), Entry(TODAY, "run", most), Entry(TODAY, "Yoga", 1)]
    await enter(database, diary.user.id, entries)
    stats = await diary.stats()
    assert (stats.count, stats.minutes) == (3, most)
    assert [week.minutes for week in stats.weeks] == [most]
    assert [month.minutes for month in stats.months] == [most]
    assert [(each.type, each.minutes) for each in stats.types] == [("run", most), ("Yoga", 1)]
    assert await sums_are_right(database, diary.user.id)


async def test_nobody_elses_workouts_are_counted(diary: Diary, other: Diary) -> None:
    await other.create()
    assert await diary.stats() == Stats()
    await diary.create(duration=7)
    assert (await diary.stats()).minutes == 7


async def test_a_type_is_spelt_as_in_the_newest_of_its_workouts(diary: Diary) -> None:
    await diary.create(type="RUN", date="2026-02-07")
    newest = await diary.create(type="Run", date="2026-02-07")
    await diary.create(type="run", date="2026-02-06")
    assert [each.type for each in (await diary.stats()).types] == ["Run"]
    await diary.delete(newest.id)
    assert [each.type for each in (await diary.stats(type="rUN")).types] == ["RUN"]


async def test_figures_follow_every_change(diary: Diary, database: asyncpg.Connection) -> None:
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
        assert await sums_are_right(database, diary.user.id)
    await diary.delete(workout.id)
    assert (await diary.stats()).minutes == 5


# --- The sums of each day ---


@over_grpc
async def test_sums_are_right_after_many_calls_at_once(
    diary: Diary, database: asyncpg.Connection
) -> None:
    types = list(TYPES)
    kept = [await diary.create(date=f"2026-02-0{number % 3 + 1}") for number in range(12)]

    async def write(number: int) -> None:
        date = f"2026-02-0{number % 3 + 1}"
        created = await diary.create(date=date, type=types[number % 7], duration=number)
        if number % 2:
            await diary.patch(created.id, duration=number + 1)
        else:
            await diary.delete(created.id)

    changes = [
        diary.patch(workout.id, type=types[number % 5]) for number, workout in enumerate(kept)
    ]
    await asyncio.gather(*(write(number) for number in range(1, 31)), *changes)
    assert await sums_are_right(database, diary.user.id)
    stats = await diary.stats()
    assert (stats.count, stats.minutes) == (27, 12 * 30 + sum(range(2, 32, 2)))


@over_grpc
async def test_sums_are_right_when_workouts_change_places(
    diary: Diary, database: asyncpg.Connection
) -> None:
    dates = ["2026-02-01", "2026-02-02"]
    pairs = [(await diary.create(date=dates[0]), await diary.create(date=dates[1]))]
    for one, other in pairs * 5:
        await asyncio.gather(
            diary.patch(one.id, date=dates[1]), diary.patch(other.id, date=dates[0])
        )
        dates.reverse()
    assert await sums_are_right(database, diary.user.id)


@over_grpc
async def test_of_a_deleted_user_no_sum_is_left(
    client: Client, database: asyncpg.Connection
) -> None:
    diary, stays = [await diary_of(client, await client.new_user()) for _ in range(2)]
    for number in range(4):
        await diary.create(date=f"2026-02-0{number + 1}")
        await stays.create(date=f"2026-02-0{number + 1}")
    user = diary.user
    writing = asyncio.gather(*(diary.create() for _ in range(5)), return_exceptions=True)
    await client.users.DeleteUser(user_pb2.DeleteUserRequest(id=user.id, password=user.password))
    await writing
    for table in TABLES:
        query = f"SELECT count(*) FROM {table} WHERE user_id = $1"
        assert await database.fetchval(query, UUID(user.id)) == 0
    assert (await stays.stats()).count == 4
    with refused(StatusCode.UNAUTHENTICATED):
        await diary.stats()


# {theirs}: of the users $1; {n}: a number from 0 to 8; {some}: any of their workouts, perhaps none.
WRITES = {
    "add": """
        INSERT INTO workouts (user_id, id, date, type, type_key, duration, notes, created)
        SELECT owner, gen_random_uuid(), '2026-02-01'::date + number % 4, 'Run',
            CASE number % 3 WHEN 0 THEN 'run' ELSE 'yoga' END, number, '', now()
        FROM unnest($1::uuid[]) AS owner, generate_series(1, {n}) AS number
    """,
    "add what is there": """
        INSERT INTO workouts SELECT * FROM workouts WHERE {theirs} ON CONFLICT DO NOTHING
    """,
    "write over what is there": """
        INSERT INTO workouts SELECT * FROM workouts WHERE {theirs}
        ON CONFLICT (user_id, id) DO UPDATE SET duration = workouts.duration + 1
    """,
    "make all longer": "UPDATE workouts SET duration = duration + {n} WHERE {theirs}",
    "move all": "UPDATE workouts SET date = date + {n} - 4 WHERE {theirs}",
    "make all one type": "UPDATE workouts SET type_key = 'a' WHERE {theirs}",
    "change nothing": "UPDATE workouts SET id = id WHERE {theirs}",
    "give some away": """
        UPDATE workouts SET user_id = ($1::uuid[])[CASE user_id WHEN $1[1] THEN 2 ELSE 1 END]
        WHERE {some}
    """,
    "move some": "UPDATE workouts SET date = '2026-02-02' WHERE {some}",
    "delete some": "DELETE FROM workouts WHERE {some}",
    "delete all": "DELETE FROM workouts WHERE {theirs}",
    "delete none": "DELETE FROM workouts WHERE {theirs} AND duration < 0",
}


def write(name: str, n: int) -> str:
    """The SQL of a write."""
    theirs = "user_id = ANY($1::uuid[])"
    some = f"{theirs} AND get_byte(uuid_send(id), 15) % 4 = {n} % 4"
    return WRITES[name].format(n=n, theirs=theirs, some=some)


@pytest.mark.parametrize("seed", range(4))
async def test_sums_are_right_whatever_is_written(
    house: House, database: asyncpg.Connection, seed: int
) -> None:
    chance = random.Random(seed)
    ids = await many_users(database, 2)
    users = [str(user_id) for user_id in ids]
    for _ in range(60):
        name = chance.choice(["add", "add", *WRITES])
        transaction = database.transaction()
        await transaction.start()
        await database.execute(write(name, chance.randrange(9)), ids)
        assert await sums_are_right(database, *users), name
        await (transaction.rollback() if chance.random() < 0.2 else transaction.commit())
        assert await sums_are_right(database, *users), name
    await database.execute(write("delete all", 0), ids)
    query = "SELECT count(*) FROM workout_days WHERE user_id = ANY($1::uuid[])"
    assert await database.fetchval(query, ids) == 0
    await database.execute("DELETE FROM users WHERE id = ANY($1)", ids)


async def test_a_user_with_workouts_can_be_deleted_in_sql(
    house: House, database: asyncpg.Connection
) -> None:
    ids = await many_users(database, 3)
    await database.execute(write("add", 8), ids)
    await database.execute("DELETE FROM users WHERE id = ANY($1)", ids[:2])
    for table in TABLES:
        query = f"SELECT count(DISTINCT user_id) FROM {table} WHERE user_id = ANY($1::uuid[])"
        assert await database.fetchval(query, ids) == 1
    assert await sums_are_right(database, *map(str, ids))
