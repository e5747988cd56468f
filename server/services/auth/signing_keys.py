"""Keys that sign and verify access tokens.

The settings fix one algorithm; the header of a token cannot choose another. The id of the key is in
the token (`kid`), so that tokens of the previous key stay valid after a rotation.
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

MIN_SECRET_BYTES = 32
MIN_RSA_BITS = 2048
# Estimated: 32 random characters of any kind have more, and long repeats of a few far less.
MIN_BITS = 80
# Words in placeholder keys of documentation.
_EXAMPLES = ("change", "example", "your", "replace", "placeholder", "insecure", "default")
_MAKE_ONE = "Make one with: openssl rand -hex 32"

PrivateKey: TypeAlias = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey
PublicKey: TypeAlias = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey


@dataclass(frozen=True)
class SigningKeys:
    """Current key, `signing`, and all accepted keys by their ids, `verifying`."""

    algorithm: str
    signing_id: str
    signing: bytes | PrivateKey = field(repr=False)
    verifying: Mapping[str, bytes | PublicKey] = field(repr=False)


def load_keys(settings: TokenSettings) -> SigningKeys:
    """Return the keys of the settings. Raise StartError if one is missing, unfit or weak."""
    if settings.jwt_algorithm == "HS256":
        return _secrets(settings)
    return _key_pairs(settings)


def _secrets(settings: TokenSettings) -> SigningKeys:
    if settings.jwt_secret_key is None:
        raise StartError(f"JWT_SECRET_KEY is missing: it signs the access tokens. {_MAKE_ONE}")
    text = settings.jwt_secret_key.get_secret_value()
    if "," in text:
        raise StartError(
            "JWT_SECRET_KEY must not contain a comma: it separates JWT_PREVIOUS_SECRET_KEYS. "
            f"{_MAKE_ONE}"
        )
    current = _secret("JWT_SECRET_KEY", text)
    previous = [
        _secret("JWT_PREVIOUS_SECRET_KEYS", text)
        for text in listed(settings.jwt_previous_secret_keys.get_secret_value())
    ]
    ids = {_id_of(secret): secret for secret in (*previous, current)}
    return SigningKeys("HS256", _id_of(current), current, ids)


def _secret(setting: str, text: str) -> bytes:
    secret = text.encode()
    if len(secret) < MIN_SECRET_BYTES:
        raise StartError(
            f"{setting}: a key is shorter than {MIN_SECRET_BYTES} bytes and could be guessed. "
            f"{_MAKE_ONE}"
        )
    if any(word in text.lower() for word in _EXAMPLES):
        raise StartError(
            f"{setting}: a key looks like one from an example, which anybody may know. {_MAKE_ONE}"
        )
    if estimated_bits(text, "\n".join(common_passwords())) < MIN_BITS:
        raise StartError(
            f"{setting}: a key consists of repeats, sequences or words and could be guessed. "
            f"{_MAKE_ONE}"
        )
    return secret


def _key_pairs(settings: TokenSettings) -> SigningKeys:
    algorithm, path = settings.jwt_algorithm, settings.jwt_private_key_file
    if path is None:
        raise StartError(
            f"JWT_PRIVATE_KEY_FILE is missing: {algorithm} signs with a private key in PEM format."
        )
    signing = _private_key("JWT_PRIVATE_KEY_FILE", path, algorithm)
    previous = [
        _any_key("JWT_PREVIOUS_KEY_FILES", Path(name), algorithm)
        for name in listed(settings.jwt_previous_key_files)
    ]
    public = signing.public_key()
    ids = {_id_of(_encoded(key)): key for key in (*previous, public)}
    return SigningKeys(algorithm, _id_of(_encoded(public)), signing, ids)


def _private_key(setting: str, path: Path, algorithm: str) -> PrivateKey:
    try:
        key = load_pem_private_key(content_of(setting, path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise StartError(
            f"{setting}: {path} must contain a private key in PEM format without a password."
        ) from None
    if isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey):
        _require_fit(setting, path, key.public_key(), algorithm)
        return key
    raise StartError(f"{setting}: {path} contains a key that {algorithm} cannot use.")


def _any_key(setting: str, path: Path, algorithm: str) -> PublicKey:
    """Return the public key of a file that contains it or its private key."""
    content = content_of(setting, path)
    if b"PRIVATE KEY" in content:
        return _private_key(setting, path, algorithm).public_key()
    try:
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        raise StartError(f"{setting}: {path} must contain a key in PEM format.") from None
    if isinstance(key, RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey):
        _require_fit(setting, path, key, algorithm)
        return key
    raise StartError(f"{setting}: {path} contains a key that {algorithm} cannot use.")


def _require_fit(setting: str, path: Path, key: PublicKey, algorithm: str) -> None:
    is_fit = {
        "RS256": isinstance(key, RSAPublicKey) and key.key_size >= MIN_RSA_BITS,
        "ES256": isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1),
        "EdDSA": isinstance(key, Ed25519PublicKey),
    }
    if not is_fit[algorithm]:
        raise StartError(
            f"{setting}: {path} does not fit {algorithm}, which needs "
            f"{_REQUIRED[algorithm]}. See JWT_ALGORITHM."
        )


_REQUIRED = {
    "RS256": f"an RSA key of at least {MIN_RSA_BITS} bits",
    "ES256": "a key of the curve P-256",
    "EdDSA": "an Ed25519 key",
}


def _encoded(key: PublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _id_of(key: bytes) -> str:
    """Return an id that reveals nothing about the key: a hash with its own label as a prefix."""
    digest = hashlib.sha256(b"gymlocker key id\0" + key).digest()
    return base64.urlsafe_b64encode(digest[:12]).decode()
