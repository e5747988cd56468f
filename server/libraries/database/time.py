"""Times of the database that Python cannot represent, or that must not be exact."""

import datetime as dt
from typing import Any

from sqlalchemy import ColumnElement, func, literal_column

from server.libraries.database.schema import Timestamp

# The last time that Python and protobuf's Timestamp represent. PostgreSQL's go on for 280,000 years
# and end with infinity, both of which a LiftLog server may have stored.
LAST = dt.datetime.max.replace(tzinfo=dt.UTC)
_LAST: ColumnElement[dt.datetime] = literal_column(f"timestamptz '{LAST.isoformat(sep=' ')}'")


def representable(time: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return `time`, or LAST if it is later."""
    return func.least(time, _LAST)


def start_of_day() -> ColumnElement[dt.datetime]:
    """Return the start of today in UTC: last accesses are stored to the day."""
    return func.date_trunc("day", func.now(), "UTC", type_=Timestamp)
