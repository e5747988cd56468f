"""Keys of a device, which pushes are encrypted with (RFC 8291)."""

from cryptography.hazmat.primitives.asymmetric import ec

from server.libraries.common import base64url

POINT_BYTES = 65
AUTH_BYTES = 16


def parse_public_key(text: str) -> bytes:
    """Return a device's public key. Raise ValueError if it is not a point on the curve."""
    point = base64url.decode(text.rstrip("="))
    # Compressed points are shorter, and not allowed here.
    if len(point) != POINT_BYTES:
        raise ValueError("not an uncompressed point")
    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    return point


def parse_auth(text: str) -> bytes:
    """Return a device's secret. Raise ValueError if it has another size."""
    secret = base64url.decode(text.rstrip("="))
    if len(secret) != AUTH_BYTES:
        raise ValueError("not 16 bytes")
    return secret
