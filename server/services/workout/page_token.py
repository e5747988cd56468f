"""Page tokens: where the next page begins, as text that nobody needs to understand.

A token holds the position of the last workout of its page, not a number of rows, so what is added
or deleted meanwhile moves nothing. It also holds a hash of the filters: it is good for them alone.
"""

import base64
import binascii
import datetime as dt
import hashlib
import struct
from uuid import UUID

from server.errors import InvalidArgument
from server.libraries.common.text import caseless
from server.services.workout.repository import Filter, Position

# A date as its ordinal, a time in microseconds since 1970, an id, and a hash of the filters.
_FORM = struct.Struct("!Iq16s8s")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


def page_token(last: Position, wanted: Filter) -> str:
    """A token for the page after `last`."""
    created = (last.created - _EPOCH) // _MICROSECOND
    data = _FORM.pack(last.date.toordinal(), created, last.id.bytes, _hash_of(wanted))
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def position_in(token: str, wanted: Filter) -> Position:
    """The position in a token. Raises InvalidArgument if it is none, or one for other filters."""
    try:
        data = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        ordinal, created, workout_id, filters = _FORM.unpack(data)
        position = Position(
            dt.date.fromordinal(ordinal), _EPOCH + created * _MICROSECOND, UUID(bytes=workout_id)
        )
    except (binascii.Error, struct.error, ValueError, OverflowError):
        raise _invalid("is not one that this server gave") from None
    if filters != _hash_of(wanted):
        raise _invalid("belongs to other filters; they must stay the same from page to page")
    return position


def _invalid(problem: str) -> InvalidArgument:
    text = f"pageToken: {problem}"
    return InvalidArgument(text, violations=[("page_token", text)])


def _hash_of(wanted: Filter) -> bytes:
    text = f"{wanted.start_date}:{wanted.end_date}:{caseless(wanted.type)}"
    return hashlib.sha256(text.encode()).digest()[:8]
