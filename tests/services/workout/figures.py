"""Diaries whose figures are counted."""

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

import asyncpg
from gymlocker.v2 import workout_pb2

Stats = workout_pb2.GetWorkoutStatsResponse

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
