"""Times as the database tells them, where the exact one would reveal more than is needed."""

from datetime import datetime

from sqlalchemy import ColumnElement, func

from server.database.schema import Timestamp


def start_of_day() -> ColumnElement[datetime]:
    """The beginning of today, in UTC: when a person was there is kept no finer than that."""
    return func.date_trunc("day", func.now(), "UTC", type_=Timestamp)
