"""Page tokens: the position where the next page begins, as opaque text.

A token holds the position of the last workout of its page, not a row count, so rows that are added
or deleted in between shift nothing. It also holds a hash of the filters and is valid only for them.
"""

import base64
import binascii
import datetime as dt
import hashlib
import struct
from uuid import UUID

from server.errors import InvalidArgument
from server.libraries.common.text import caseless
from server.services.workout.page_statements import Filter, Position

# A date as its ordinal, a time in microseconds since 1970, an id, and a hash of the filters.
_LAYOUT = struct.Struct("!Iq16s8s")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


def encode_page_token(last: Position, filters: Filter) -> str:
    """Return a token for the page after `last`."""
    created = (last.created - _EPOCH) // _MICROSECOND
    data = _LAYOUT.pack(last.date.toordinal(), created, last.id.bytes, _hash_of(filters))
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decode_page_token(token: str, filters: Filter) -> Position:
    """Return the position in a token.

    Raises InvalidArgument if it is not a token, or a token for other filters.
    """
    try:
        data = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        ordinal, created, workout_id, hash_of_filters = _LAYOUT.unpack(data)
        position = Position(
            dt.date.fromordinal(ordinal), _EPOCH + created * _MICROSECOND, UUID(bytes=workout_id)
        )
    except (binascii.Error, struct.error, ValueError, OverflowError):
        raise _invalid("is not a token of this server; use nextPageToken unchanged") from None
    if hash_of_filters != _hash_of(filters):
        raise _invalid("belongs to other filters; use the same filters for every page")
    return position


def _invalid(problem: str) -> InvalidArgument:
    text = f"pageToken: {problem}"
    return InvalidArgument(text, violations=[("page_token", text)])


def _hash_of(filters: Filter) -> bytes:
    text = f"{filters.start_date}:{filters.end_date}:{caseless(filters.type)}"
    return hashlib.sha256(text.encode()).digest()[:8]
