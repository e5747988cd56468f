"""Times that PostgreSQL has and Python has not."""

import datetime as dt
from typing import Any

from sqlalchemy import ColumnElement, func, literal_column

# The last moment that Python, and a Timestamp of protobuf, can say. PostgreSQL goes on for 280,000
# years, and then has infinity, both of which a LiftLog server may have stored.
LAST = dt.datetime.max.replace(tzinfo=dt.UTC)
_LAST: ColumnElement[dt.datetime] = literal_column(f"timestamptz '{LAST.isoformat(sep=' ')}'")


def representable(time: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return `time`, or LAST if it is later."""
    return func.least(time, _LAST)
