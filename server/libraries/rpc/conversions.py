"""Conversions between protobuf and Python values, and the error of a field."""

from datetime import UTC, date, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from server.errors import InvalidArgument

_NANOSECONDS = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def datetime_of(timestamp: Timestamp, field: str) -> datetime:
    """Convert `timestamp` to UTC, cut to microseconds, PostgreSQL's precision.

    Validation has checked the seconds. Only gRPC clients can send wrong nanoseconds, which are
    checked here.
    """
    if not 0 <= timestamp.nanos < _NANOSECONDS:
        raise invalid_field(field, "nanos must be from 0 to 999,999,999")
    return timestamp.ToDatetime(UTC)


def set_time(timestamp: Timestamp, time: datetime) -> None:
    """Set `timestamp` to a datetime, in UTC if it has no zone.

    Protobuf's own conversion is ten times slower, which counts in responses with many timestamps.
    """
    # asyncpg returns PostgreSQL's infinity as datetime.max, without a zone.
    since = (time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH
    timestamp.seconds = since.days * 86_400 + since.seconds
    timestamp.nanos = since.microseconds * 1_000


def date_of(text: str, field: str) -> date:
    """Parse a date whose form was validated. Raises InvalidArgument if it does not exist."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise invalid_field(field, "there is no such calendar date") from None


def invalid_field(path: str, problem: str) -> InvalidArgument:
    """Return the error of a field, given its path in the proto. People see its name in JSON."""
    first, *others = path.split("_")
    name = first + "".join(word.capitalize() for word in others)
    text = f"{name}: {problem}"
    return InvalidArgument(text, violations=[(path, text)])
