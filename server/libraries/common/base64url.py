"""Bytes as text for URLs and JSON: base64url without padding (RFC 4648, section 5)."""

import base64


def encode(data: bytes) -> str:
    """Return the text of some bytes."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decode(text: str) -> bytes:
    """Return the bytes of a text. Raises ValueError if it is not the text of any."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
