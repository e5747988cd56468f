"""Values of the wire as values of Python, and back."""

from datetime import UTC, date, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from server.errors import InvalidArgument

_NANOSECONDS = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def datetime_of(timestamp: Timestamp, field: str) -> datetime:
    """`timestamp` in UTC, cut to microseconds, which is what PostgreSQL keeps.

    Its seconds were validated; its nanoseconds, which only gRPC can get wrong, are checked here.
    """
    if not 0 <= timestamp.nanos < _NANOSECONDS:
        problem = f"{field}: nanos must be from 0 to 999,999,999"
        raise InvalidArgument(problem, violations=[(field, problem)])
    return timestamp.ToDatetime(UTC)


def set_time(timestamp: Timestamp, time: datetime) -> None:
    """Sets `timestamp` in a message to a datetime, of UTC if it does not say otherwise.

    Protobuf would take the datetime itself, at ten times the price: for replies with many.
    """
    # asyncpg gives the last moment that there is, PostgreSQL's infinity, without a zone.
    since = (time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH
    timestamp.seconds = since.days * 86_400 + since.seconds
    timestamp.nanos = since.microseconds * 1_000


def date_of(text: str, field: str) -> date:
    """The calendar date that `text` is, whose form was validated; one that exists."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        problem = f"{_json_name(field)}: there is no such calendar date"
        raise InvalidArgument(problem, violations=[(field, problem)]) from None


def _json_name(field: str) -> str:
    """The name of a field as JSON spells it."""
    first, *others = field.split("_")
    return first + "".join(word.capitalize() for word in others)
