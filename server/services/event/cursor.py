"""Cursors of the feed: positions in the events and deletions of one user, as opaque text.

A cursor is authenticated with a key of the database, so clients cannot make up one that skips
events. It is valid for one user and one incarnation of the database. Later versions can change its
form: the first byte tells it.
"""

import datetime as dt
import hashlib
import hmac
import struct
from typing import NamedTuple
from uuid import UUID

from server.errors import InvalidArgument
from server.libraries.common import base64url
from server.libraries.database.incarnation import ID_BYTES, Incarnation
from server.libraries.rpc.conversions import invalid_field

# A time before every event.
BEGINNING = dt.datetime.min.replace(tzinfo=dt.UTC)
LAST_ID = UUID(int=2**128 - 1)

_VERSION = 1
# With the rest, a multiple of three: base64 needs no padding.
_MAC_BYTES = 13
# The version, the incarnation, two times in microseconds, and an id.
_LAYOUT = struct.Struct(f"!B{ID_BYTES}sqq16s")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Position(NamedTuple):
    """A position in the events of a user: everything up to `time` and `id` is known.

    `began` is the newest time when the reader began from the start. Until the position passes it,
    deletions after it are those that the reader has to learn about.
    """

    time: dt.datetime = BEGINNING
    id: UUID = LAST_ID
    began: dt.datetime = BEGINNING


START = Position()


def encode(incarnation: Incarnation, user_id: UUID, position: Position) -> str:
    """Return the text of a cursor."""
    data = _LAYOUT.pack(
        _VERSION,
        incarnation.id,
        _microseconds(position.time),
        _microseconds(position.began),
        position.id.bytes,
    )
    return base64url.encode(data + _mac(incarnation, user_id, data))


def decode(incarnation: Incarnation, user_id: UUID, text: str, field: str) -> Position | None:
    """Return the position of a cursor; None if it is of another incarnation of the database.

    Raises InvalidArgument for `field` if it is malformed, or not of this user. A cursor of another
    incarnation is not authenticated, since its key may be another as well: tables that are taken
    over into a new database get a new key. A client that makes one up only reads everything again.
    """
    try:
        decoded = base64url.decode(text)
        data, mac = decoded[: _LAYOUT.size], decoded[_LAYOUT.size :]
        version, incarnation_id, time, began, event_id = _LAYOUT.unpack(data)
    except (struct.error, ValueError):
        raise _malformed(field) from None
    if version != _VERSION or len(mac) != _MAC_BYTES:
        raise _malformed(field)
    if incarnation_id != incarnation.id:
        return None
    if not hmac.compare_digest(mac, _mac(incarnation, user_id, data)):
        raise _malformed(field)
    return Position(_time(time), UUID(bytes=event_id), _time(began))


def _mac(incarnation: Incarnation, user_id: UUID, data: bytes) -> bytes:
    # About twice as fast as HMAC.
    mac = hashlib.blake2b(data, key=incarnation.key, digest_size=_MAC_BYTES, salt=user_id.bytes)
    return mac.digest()


def _microseconds(time: dt.datetime) -> int:
    since = time - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _time(microseconds: int) -> dt.datetime:
    return _EPOCH + dt.timedelta(microseconds=microseconds)


def _malformed(field: str) -> InvalidArgument:
    return invalid_field(field, "is not a cursor of this user; use those in `cursors` unchanged")
