"""The server's key for pushes, and its signature of each push (RFC 8292)."""

import time
from collections.abc import Callable
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from server.errors import StartError
from server.libraries.common import base64url

SETTING = "VAPID_PRIVATE_KEY_FILE"
# At most a day is allowed.
LIFETIME_SECONDS = 12 * 3600


class Vapid:
    """Signer of pushes. `subject` is the contact of the operator, if there is one."""

    def __init__(
        self,
        key: ec.EllipticCurvePrivateKey,
        subject: str | None,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._key = key
        self._subject = {} if subject is None else {"sub": subject}
        self._now = now
        point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.public_key = base64url.encode(point)

    def authorization(self, origin: str) -> str:
        """Return the `authorization` header of a push to the push service at `origin`."""
        claims = {"aud": origin, "exp": int(self._now()) + LIFETIME_SECONDS, **self._subject}
        token = jwt.encode(claims, self._key, algorithm="ES256")
        return f"vapid t={token}, k={self.public_key}"


def new_key() -> bytes:
    """Return a new private key as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Read the private key. Raise StartError with what to do if that is not possible."""
    make = "make one with `openssl ecparam -name prime256v1 -genkey -noout`"
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise StartError(f"{SETTING}: {path} cannot be read ({error.strerror}).") from None
    except (ValueError, TypeError):
        raise StartError(f"{SETTING}: {path} is not an unencrypted PEM key; {make}.") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise StartError(f"{SETTING}: {path} is not a key on the curve P-256; {make}.")
    return key
