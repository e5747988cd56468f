"""Encryption of the feed. All keys stay on the client; the server never receives one.

- signature: RSASSA-PSS (RSA-2048, SHA-256, salt of 32 bytes) over the SHA-256 of the text;
- sealed: AES-128-CBC with PKCS #7 padding and a random IV of 16 bytes, over `text || signature`;
- message: `text || signature`, encrypted with RSA-OAEP (SHA-256), 122 bytes at a time.
"""

import os
from collections.abc import Iterable

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

SIGNATURE_BYTES = 256
CHUNK_BYTES = 122
PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)


class Keys:
    """The keys of a person. Followers receive `aes`; the private RSA key is never shared."""

    def __init__(self) -> None:
        self.rsa = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.aes = os.urandom(16)

    @property
    def public(self) -> bytes:
        """The public RSA key as the server stores it: SubjectPublicKeyInfo, DER."""
        return self.rsa.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def sign(self, text: bytes) -> bytes:
        """Return `text || signature`."""
        return text + self.rsa.sign(digest(text), PSS, hashes.SHA256())

    def seal(self, text: bytes) -> tuple[bytes, bytes]:
        """Sign and encrypt a text for followers; return the encrypted bytes and their IV."""
        iv = os.urandom(16)
        padder = PKCS7(128).padder()
        padded = padder.update(self.sign(text)) + padder.finalize()
        encryptor = Cipher(algorithms.AES(self.aes), modes.CBC(iv)).encryptor()
        return encryptor.update(padded) + encryptor.finalize(), iv

    def decrypt_message(self, chunks: Iterable[bytes]) -> bytes:
        """Decrypt a message; return `text || signature`, which is not verified yet."""
        return b"".join(self.rsa.decrypt(chunk, OAEP) for chunk in chunks)


def unseal(sealed: bytes, iv: bytes, aes: bytes, public: bytes) -> bytes:
    """Decrypt the result of `Keys.seal`, and verify that the owner of `public` signed it."""
    decryptor = Cipher(algorithms.AES(aes), modes.CBC(iv)).decryptor()
    unpadder = PKCS7(128).unpadder()
    padded = decryptor.update(sealed) + decryptor.finalize()
    return verified(unpadder.update(padded) + unpadder.finalize(), public)


def verified(signed: bytes, public: bytes) -> bytes:
    """Return the text of `text || signature`; raise InvalidSignature if another key signed it."""
    text, signature = unverified(signed), signed[-SIGNATURE_BYTES:]
    _rsa(public).verify(signature, digest(text), PSS, hashes.SHA256())
    return text


def unverified(signed: bytes) -> bytes:
    """Return the text of `text || signature` without verifying who signed it."""
    return signed[:-SIGNATURE_BYTES]


def encrypt_message(signed: bytes, public: bytes) -> list[bytes]:
    """Encrypt a signed text so that only the owner of `public` can read it."""
    starts = range(0, len(signed), CHUNK_BYTES)
    return [_rsa(public).encrypt(signed[at : at + CHUNK_BYTES], OAEP) for at in starts]


def digest(text: bytes) -> bytes:
    """Return the SHA-256. PSS hashes its input once more, and the LiftLog app signs this way."""
    sha256 = hashes.Hash(hashes.SHA256())
    sha256.update(text)
    return sha256.finalize()


def _rsa(public: bytes) -> rsa.RSAPublicKey:
    key = serialization.load_der_public_key(public)
    if not isinstance(key, rsa.RSAPublicKey):
        raise TypeError("this is not an RSA key")
    return key
