"""The keys that access tokens are signed and verified with.

One algorithm, fixed by the settings: what a token says of itself decides nothing. A key's id goes
into the token (`kid`), so that after a rotation tokens of the key before are still good.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from server.errors import StartError
from server.libraries.settings import TokenSettings
from server.libraries.settings.files import content_of, listed
from server.services.auth.key_strength import estimated_bits
from server.services.credentials.password_policy import common_passwords

SHORTEST_SECRET_BYTES = 32
SHORTEST_RSA_BITS = 2048
# As estimated: 32 random characters of any kind have more, the longest repeats of a few far less.
MIN_BITS = 80
# What keys are called in other people's examples.
_EXAMPLES = ("change", "example", "your", "replace", "placeholder", "insecure", "default")

PrivateKey: TypeAlias = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey
PublicKey: TypeAlias = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey


@dataclass(frozen=True)
class Keys:
    """`signing` is the key of today, `verifying` holds it and those before by their ids."""

    algorithm: str
    signing_id: str
    signing: bytes | PrivateKey = field(repr=False)
    verifying: Mapping[str, bytes | PublicKey] = field(repr=False)


def load_keys(settings: TokenSettings) -> Keys:
    """The keys that the settings name. Raises StartError if they would not protect anybody."""
    if settings.jwt_algorithm == "HS256":
        return _secrets(settings)
    return _key_pairs(settings)


def _secrets(settings: TokenSettings) -> Keys:
    if settings.jwt_secret_key is None:
        raise StartError(
            "JWT_SECRET_KEY is missing: it signs the access tokens. Make one with: "
            "openssl rand -hex 32"
        )
    text = settings.jwt_secret_key.get_secret_value()
    if "," in text:
        raise StartError("JWT_SECRET_KEY: no comma, please; it divides JWT_PREVIOUS_SECRET_KEYS.")
    current = _secret("JWT_SECRET_KEY", text)
    previous = [
        _secret("JWT_PREVIOUS_SECRET_KEYS", text)
        for text in listed(settings.jwt_previous_secret_keys.get_secret_value())
    ]
    ids = {_id_of(secret): secret for secret in (*previous, current)}
    return Keys("HS256", _id_of(current), current, ids)


def _secret(setting: str, text: str) -> bytes:
    secret = text.encode()
    if len(secret) < SHORTEST_SECRET_BYTES:
        raise StartError(
            f"{setting}: a key is shorter than {SHORTEST_SECRET_BYTES} bytes and could be guessed. "
            "Make one with: openssl rand -hex 32"
        )
    if any(word in text.lower() for word in _EXAMPLES):
        raise StartError(
            f"{setting}: a key reads like one from an example, which everybody knows. "
            "Make one with: openssl rand -hex 32"
        )
    if estimated_bits(text, "\n".join(common_passwords())) < MIN_BITS:
        raise StartError(
            f"{setting}: a key is made of repeats, sequences or words and could be guessed. "
            "Make one with: openssl rand -hex 32"
        )
    return secret


def _key_pairs(settings: TokenSettings) -> Keys:
    algorithm, path = settings.jwt_algorithm, settings.jwt_private_key_file
    if path is None:
        raise StartError(
            f"JWT_PRIVATE_KEY_FILE is missing: {algorithm} signs with a private key in PEM form."
        )
    signing = _private_key("JWT_PRIVATE_KEY_FILE", path, algorithm)
    previous = [
        _any_key("JWT_PREVIOUS_KEY_FILES", Path(name), algorithm)
        for name in listed(settings.jwt_previous_key_files)
    ]
    public = signing.public_key()
    ids = {_id_of(_encoded(key)): key for key in (*previous, public)}
    return Keys(algorithm, _id_of(_encoded(public)), signing, ids)


def _private_key(setting: str, path: Path, algorithm: str) -> PrivateKey:
    try:
        key = load_pem_private_key(content_of(setting, path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise StartError(
            f"{setting}: {path} holds no private key in PEM form without a password."
        ) from None
    if isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey):
        _require_fit(setting, path, key.public_key(), algorithm)
        return key
    raise StartError(f"{setting}: {path} holds a key that {algorithm} cannot use.")


def _any_key(setting: str, path: Path, algorithm: str) -> PublicKey:
    """The public key in a file that holds it or its private key."""
    content = content_of(setting, path)
    if b"PRIVATE KEY" in content:
        return _private_key(setting, path, algorithm).public_key()
    try:
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        raise StartError(f"{setting}: {path} holds no key in PEM form.") from None
    if isinstance(key, RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey):
        _require_fit(setting, path, key, algorithm)
        return key
    raise StartError(f"{setting}: {path} holds a key that {algorithm} cannot use.")


def _require_fit(setting: str, path: Path, key: PublicKey, algorithm: str) -> None:
    fits = {
        "RS256": isinstance(key, RSAPublicKey) and key.key_size >= SHORTEST_RSA_BITS,
        "ES256": isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1),
        "EdDSA": isinstance(key, Ed25519PublicKey),
    }
    if not fits[algorithm]:
        raise StartError(
            f"{setting}: {path} does not fit {algorithm}, which needs "
            f"{_NEEDED[algorithm]}. See JWT_ALGORITHM."
        )


_NEEDED = {
    "RS256": f"an RSA key of at least {SHORTEST_RSA_BITS} bits",
    "ES256": "a key on the curve P-256",
    "EdDSA": "an Ed25519 key",
}


def _encoded(key: PublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _id_of(key: bytes) -> str:
    """A name for a key that tells nothing about it: a hash, under a label of its own."""
    digest = hashlib.sha256(b"gymlocker key id\0" + key).digest()
    return base64.urlsafe_b64encode(digest[:12]).decode()
