"""A device that gets pushes: its keys, and decryption by RFC 8291 and RFC 8188."""

import base64
import json
import os
import struct
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from gymlocker.v2 import push_pb2

from server.services.push.model import Subscription

CURVE = ec.SECP256R1()


def text_of(data: bytes) -> str:
    """Return base64url without padding, as browsers have it."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def bytes_of(text: str) -> bytes:
    """Return the bytes of base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def point_of(key: ec.EllipticCurvePublicKey) -> bytes:
    """Return the uncompressed point of a public key."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@dataclass(frozen=True)
class Device:
    """A device, subscribed at `endpoint`."""

    endpoint: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(CURVE))
    auth: bytes = field(default_factory=lambda: os.urandom(16))

    @property
    def p256dh(self) -> bytes:
        """Return the public key."""
        return point_of(self.key.public_key())

    @property
    def subscription(self) -> Subscription:
        """Return the subscription as the server stores it."""
        return Subscription(self.endpoint, self.p256dh, self.auth)

    def request(self) -> push_pb2.RegisterEndpointRequest:
        """Return a request to register it."""
        keys = push_pb2.PushKeys(p256dh=text_of(self.p256dh), auth=text_of(self.auth))
        return push_pb2.RegisterEndpointRequest(endpoint=self.endpoint, keys=keys)

    def decrypt(self, body: bytes) -> bytes:
        """Return the plaintext of a push: one record, as RFC 8291 requires."""
        salt, (record_size, id_size) = body[:16], struct.unpack("!IB", body[16:21])
        sender, record = body[21 : 21 + id_size], body[21 + id_size :]
        assert len(record) <= record_size
        secret = self.key.exchange(
            ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, sender)
        )
        info = b"WebPush: info\0" + self.p256dh + sender
        shared = _derive(secret, self.auth, info, 32)
        key = _derive(shared, salt, b"Content-Encoding: aes128gcm\0", 16)
        nonce = _derive(shared, salt, b"Content-Encoding: nonce\0", 12)
        plaintext, delimiter, padding = AESGCM(key).decrypt(nonce, record, None).rpartition(b"\2")
        assert delimiter and not padding.strip(b"\0")
        return plaintext

    def read(self, body: bytes) -> Any:
        """Return the JSON of a push."""
        return json.loads(self.decrypt(body))


def _derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)


def verified_claims(authorization: str, audience: str) -> dict[str, Any]:
    """Return the claims of a push by RFC 8292, whose signature and audience are verified."""
    scheme, _, parameters = authorization.partition(" ")
    assert scheme == "vapid"
    named = dict(part.strip().split("=", 1) for part in parameters.split(","))
    key = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, bytes_of(named["k"]))
    claims: dict[str, Any] = jwt.decode(
        named["t"], key, algorithms=["ES256"], audience=audience, options={"require": ["exp"]}
    )
    return claims | {"k": named["k"]}
