"""Certificate chain with the extensions of Apple's: a root, an intermediate and a leaf."""

import base64
import datetime as dt
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier

from tests.services.ai.purchase.conftest import NOW

LEAF_EXTENSION = "1.2.840.113635.100.6.11.1"
INTERMEDIATE_EXTENSION = "1.2.840.113635.100.6.2.1"
MILLISECONDS = NOW * 1000

_FROM = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_TO = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Chain:
    """A chain. `root` and the certificates of `x5c` are in DER form."""

    root: bytes
    x5c: list[bytes]
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    def sign(self, algorithm: str = "ES256", **changes: Any) -> str:
        """Return a signed transaction. A change to None omits the field."""
        header = {"x5c": [base64.b64encode(certificate).decode() for certificate in self.x5c]}
        payload = TRANSACTION | changes
        payload = {name: value for name, value in payload.items() if value is not None}
        key: Any = None if algorithm == "none" else self.key
        return jwt.encode(payload, key, algorithm, header)


TRANSACTION = {
    "transactionId": "2000000123456789",
    "originalTransactionId": "2000000123456789",
    "bundleId": "com.example.app",
    "productId": "pro",
    "purchaseDate": MILLISECONDS - 1000,
    "type": "Non-Consumable",
    "inAppOwnershipType": "PURCHASED",
    "signedDate": MILLISECONDS,
    "environment": "Production",
}


@cache
def chain(
    leaf_extension: str | None = LEAF_EXTENSION,
    intermediate_extension: str | None = INTERMEDIATE_EXTENSION,
) -> Chain:
    """Return a chain for these extensions. None omits one."""
    root_key, intermediate_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    root = _certificate("root", root_key, "root", root_key, extension=None, authority=True)
    intermediate = _certificate(
        "intermediate",
        intermediate_key,
        "root",
        root_key,
        extension=intermediate_extension,
        authority=True,
    )
    leaf = _certificate(
        "leaf", key, "intermediate", intermediate_key, extension=leaf_extension, authority=False
    )
    return Chain(root, [leaf, intermediate, root], key)


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    extension: str | None,
    authority: bool,
) -> bytes:
    builder = (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_FROM)
        .not_valid_after(_TO)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(_usage(authority), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
    )
    if extension is not None:
        builder = builder.add_extension(
            x509.UnrecognizedExtension(ObjectIdentifier(extension), b"\x05\x00"), critical=False
        )
    return builder.sign(issuer_key, SHA256()).public_bytes(Encoding.DER)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
