"""Encryption of pushes for a device (RFC 8291). Imported with the first push: it takes memory."""

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec

# All pushes have one size, so that a push service cannot tell them apart.
PADDED_BYTES = 256


def encrypt(payload: bytes, *, p256dh: bytes, auth: bytes) -> bytes:
    """Return the body of a push. The payload is JSON, so spaces pad it."""
    padded = payload.ljust(PADDED_BYTES)
    key = ec.generate_private_key(ec.SECP256R1())
    body: bytes = http_ece.encrypt(padded, private_key=key, dh=p256dh, auth_secret=auth)
    return body
