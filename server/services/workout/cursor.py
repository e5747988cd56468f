"""Cursors of changes as opaque text.

A cursor is valid for one user. Later versions can change its form: the first byte tells it.
"""

import hashlib
import struct
from uuid import UUID

from server.errors import InvalidArgument
from server.libraries.common import base64url
from server.libraries.rpc.conversions import invalid_field
from server.services.workout.changes_repository import Cursor

_VERSION = 1
# The version, a hash of the user, a revision, an id, and the revision at the beginning.
_LAYOUT = struct.Struct("!B8sq16sq")


def encode_cursor(owner_id: UUID, cursor: Cursor) -> str:
    """Return the text of a cursor."""
    data = _LAYOUT.pack(
        _VERSION, _hash_of(owner_id), cursor.revision, cursor.id.bytes, cursor.began
    )
    return base64url.encode(data)


def decode_cursor(owner_id: UUID, text: str) -> Cursor:
    """Return the cursor in a text. Raises InvalidArgument if it is not one of this user."""
    try:
        version, hash_of_owner, revision, workout_id, began = _LAYOUT.unpack(base64url.decode(text))
    except (struct.error, ValueError):
        raise _malformed() from None
    if version != _VERSION or revision < -1 or began < 0:
        raise _malformed()
    if hash_of_owner != _hash_of(owner_id):
        raise invalid_field("cursor", "belongs to another user; begin without a cursor")
    return Cursor(revision, UUID(bytes=workout_id), began)


def _hash_of(owner_id: UUID) -> bytes:
    return hashlib.sha256(owner_id.bytes).digest()[:8]


def _malformed() -> InvalidArgument:
    return invalid_field("cursor", "is not a cursor of this server; use nextCursor unchanged")
