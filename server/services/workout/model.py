"""A workout, and the limits of its fields."""

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

MAX_TYPE_CHARACTERS = 100
MIN_MINUTES = 1
# A week.
MAX_MINUTES = 10_080
MAX_NOTES_CHARACTERS = 10_000


@dataclass(frozen=True, slots=True)
class Workout:
    """An entry in a training diary.

    `date` is a calendar date without a time zone. `type` has 1 to 100 characters (code points) and
    is kept as typed, without surrounding white space. `duration` is in minutes. `notes` has up to
    10,000 characters; "" means none. Neither text contains NUL, which PostgreSQL cannot store.
    """

    id: UUID
    date: dt.date
    type: str
    duration: int
    notes: str
