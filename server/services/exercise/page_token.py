"""Page tokens of exercises: the key of the last one, and a hash of the filter, as opaque text."""

import hashlib

from server.errors import InvalidArgument
from server.libraries.common import base64url
from server.libraries.common.text import caseless
from server.libraries.rpc.conversions import invalid_field

_HASH_BYTES = 8


def encode_page_token(last_key: str, part: str) -> str:
    """Return a token for the page after the exercise with the key `last_key`."""
    return base64url.encode(_hash_of(part) + last_key.encode())


def decode_page_token(token: str, part: str) -> str:
    """Return the key in a token.

    Raises InvalidArgument if it is not a token, or a token for another filter.
    """
    try:
        data = base64url.decode(token)
        key = data[_HASH_BYTES:].decode()
    except ValueError:
        raise _malformed() from None
    if not key or "\0" in key:
        raise _malformed()
    if data[:_HASH_BYTES] != _hash_of(part):
        raise invalid_field("page_token", "belongs to another q; use the same for every page")
    return key


def _hash_of(part: str) -> bytes:
    return hashlib.sha256(caseless(part).encode()).digest()[:_HASH_BYTES]


def _malformed() -> InvalidArgument:
    problem = "is not a token of this server; use nextPageToken unchanged"
    return invalid_field("page_token", problem)
