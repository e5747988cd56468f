"""Times of the database, where Python has none such or the exact one would reveal too much."""

import datetime as dt
from typing import Any

from sqlalchemy import ColumnElement, func, literal_column

from server.libraries.database.schema import Timestamp

# The last moment that Python, and a Timestamp of protobuf, can say. PostgreSQL goes on for 280,000
# years, and then has infinity, both of which a LiftLog server may have stored.
LAST = dt.datetime.max.replace(tzinfo=dt.UTC)
_LAST: ColumnElement[dt.datetime] = literal_column(f"timestamptz '{LAST.isoformat(sep=' ')}'")


def representable(time: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return `time`, or LAST if it is later."""
    return func.least(time, _LAST)


def start_of_day() -> ColumnElement[dt.datetime]:
    """Return the beginning of today, in UTC: no finer is it kept when a person was there."""
    return func.date_trunc("day", func.now(), "UTC", type_=Timestamp)
