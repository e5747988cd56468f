"""Diaries for tests of statistics."""

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

import asyncpg
from gymlocker.v2 import workout_pb2

Stats = workout_pb2.GetWorkoutStatsResponse

# Types that differ only in case have the same key.
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
    """The counted part of a workout."""

    date: dt.date
    type: str
    minutes: int


async def enter(database: asyncpg.Connection, user_id: str, entries: list[Entry]) -> None:
    """Replace the contents of a diary with `entries`, of which the last is the newest."""
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
        # As texts, because asyncpg converts the first and the last date to infinities.
        [entry.date.isoformat() for entry in entries],
        [entry.type for entry in entries],
        [TYPES[entry.type] for entry in entries],
        [entry.minutes for entry in entries],
    )
