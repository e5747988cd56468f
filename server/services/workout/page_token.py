"""Page tokens: the position where the next page begins, as opaque text.

A token holds the position of the last workout of its page, not a row count, so rows that are added
or deleted in between shift nothing. It also holds a hash of the filters and is valid only for them.
"""

import datetime as dt
import hashlib
import struct
from uuid import UUID

from server.libraries.common import base64url
from server.libraries.common.text import caseless
from server.libraries.rpc.conversions import invalid_field
from server.services.workout.page_statements import Filter, Position

# A date as its ordinal, a time in microseconds since 1970, an id, and a hash of the filters.
_LAYOUT = struct.Struct("!Iq16s8s")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


def encode_page_token(last: Position, filters: Filter) -> str:
    """Return a token for the page after `last`."""
    created = (last.created - _EPOCH) // _MICROSECOND
    data = _LAYOUT.pack(last.date.toordinal(), created, last.id.bytes, _hash_of(filters))
    return base64url.encode(data)


def decode_page_token(token: str, filters: Filter) -> Position:
    """Return the position in a token.

    Raises InvalidArgument if it is not a token, or a token for other filters.
    """
    try:
        ordinal, created, workout_id, hash_of_filters = _LAYOUT.unpack(base64url.decode(token))
        position = Position(
            dt.date.fromordinal(ordinal), _EPOCH + created * _MICROSECOND, UUID(bytes=workout_id)
        )
    except (struct.error, ValueError, OverflowError):
        problem = "is not a token of this server; use nextPageToken unchanged"
        raise invalid_field("page_token", problem) from None
    if hash_of_filters != _hash_of(filters):
        problem = "belongs to other filters; use the same filters for every page"
        raise invalid_field("page_token", problem)
    return position


def _hash_of(filters: Filter) -> bytes:
    text = f"{filters.start_date}:{filters.end_date}:{caseless(filters.type)}"
    return hashlib.sha256(text.encode()).digest()[:8]
