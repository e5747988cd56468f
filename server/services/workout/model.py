"""A workout, and how large its parts may be."""

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

MAX_TYPE_CHARACTERS = 100
SHORTEST_MINUTES = 1
# A week.
MAX_MINUTES = 10_080
MAX_NOTES_CHARACTERS = 10_000


@dataclass(frozen=True, slots=True)
class Workout:
    """What somebody did on a day.

    `date` is a calendar date, without a zone. `type` is kept as typed but for white space around
    it: 1 to 100 characters (code points). `duration` is in minutes. `notes` have up to 10,000
    characters; "" is none. Neither text has a NUL, which PostgreSQL cannot keep.
    """

    id: UUID
    date: dt.date
    type: str
    duration: int
    notes: str
