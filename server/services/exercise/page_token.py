"""Page tokens of exercises: the key of the last one, and a hash of the filter, as opaque text."""

import base64
import binascii
import hashlib

from server.errors import InvalidArgument
from server.libraries.common.text import caseless

_HASH_BYTES = 8


def encode_page_token(last_key: str, part: str) -> str:
    """Return a token for the page after the exercise with the key `last_key`."""
    data = _hash_of(part) + last_key.encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decode_page_token(token: str, part: str) -> str:
    """Return the key in a token.

    Raises InvalidArgument if it is not a token, or a token for another filter.
    """
    try:
        data = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        key = data[_HASH_BYTES:].decode()
    except (binascii.Error, ValueError):
        raise _invalid("is not a token of this server; use nextPageToken unchanged") from None
    if not key or "\0" in key:
        raise _invalid("is not a token of this server; use nextPageToken unchanged")
    if data[:_HASH_BYTES] != _hash_of(part):
        raise _invalid("belongs to another q; use the same for every page")
    return key


def _hash_of(part: str) -> bytes:
    return hashlib.sha256(caseless(part).encode()).digest()[:_HASH_BYTES]


def _invalid(problem: str) -> InvalidArgument:
    text = f"pageToken: {problem}"
    return InvalidArgument(text, violations=[("page_token", text)])
