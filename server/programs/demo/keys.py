"""Cryptography of a person's keys; pure functions that make no calls.

The format is that of the LiftLog app, which uses WebCrypto:

- signature: RSASSA-PSS (RSA-2048, SHA-256, MGF1 with SHA-256, 32 bytes of salt) over the SHA-256
  *digest* of the plaintext. PSS hashes its input itself, so the plaintext is hashed twice.
- sealed: AES-128-CBC, PKCS #7 padding, 16 random bytes of IV, over `plaintext || signature`.
- chunks: RSA-OAEP (SHA-256, MGF1 with SHA-256) with the reader's public key, 122 bytes at a time.
- keys on the wire: the public one as SubjectPublicKeyInfo, the private one as PKCS #8, both DER.
"""

import os
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

AES_KEY_BYTES = 16
AES_BLOCK_BITS = 128
IV_BYTES = 16
RSA_BITS = 2048
SIGNATURE_BYTES = RSA_BITS // 8
SALT_BYTES = 32
# The app's choice. An OAEP block of this key size holds up to 190 bytes.
CHUNK_BYTES = 122


class Unreadable(Exception):
    """The bytes do not decrypt with this key, or their signature is not the sender's."""


@dataclass(frozen=True)
class Keys:
    """Keys that are generated on a person's phone: `aes` has 16 bytes, `private` is RSA-2048."""

    private: rsa.RSAPrivateKey = field(repr=False)
    aes: bytes = field(repr=False)

    @property
    def public_spki(self) -> bytes:
        """The public key as SubjectPublicKeyInfo, DER: the form sent to the server."""
        return self.private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def private_pkcs8(self) -> bytes:
        """The private key as PKCS #8, DER, unencrypted."""
        return self.private.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


@dataclass(frozen=True)
class Sealed:
    """Signed and encrypted bytes with their 16-byte initialization vector."""

    ciphertext: bytes
    iv: bytes


def new_keys() -> Keys:
    """Generate the keys of a new person. This takes about 0.1 s of CPU time."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    return Keys(private, new_aes_key())


def load_keys(private_pkcs8: bytes, aes: bytes) -> Keys:
    """Load keys made elsewhere. Raise Unreadable unless the private key is RSA-2048."""
    try:
        private = serialization.load_der_private_key(private_pkcs8, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Unreadable("this is not a private key") from error
    if not isinstance(private, rsa.RSAPrivateKey) or private.key_size != RSA_BITS:
        raise Unreadable("this is not an RSA key of 2048 bits")
    return Keys(private, aes)


def new_aes_key() -> bytes:
    """Generate an AES-128 key of 16 bytes."""
    return os.urandom(AES_KEY_BYTES)


def new_iv() -> bytes:
    """Generate an initialization vector of 16 bytes."""
    return os.urandom(IV_BYTES)


def new_follow_secret() -> str:
    """Generate a follow secret, which is a random UUID."""
    return str(uuid.uuid4())


def sign(plaintext: bytes, private: rsa.RSAPrivateKey) -> bytes:
    """Return a signature of 256 bytes. It is salted, so every call returns another one."""
    return private.sign(_digest(plaintext), _pss(), hashes.SHA256())


def verify(plaintext: bytes, signature: bytes, public_spki: bytes) -> None:
    """Raise Unreadable unless the owner of the public key signed exactly `plaintext`."""
    try:
        _public_key(public_spki).verify(signature, _digest(plaintext), _pss(), hashes.SHA256())
    except InvalidSignature as error:
        raise Unreadable("the signature is not the sender's") from error


def seal(
    plaintext: bytes, aes: bytes, private: rsa.RSAPrivateKey, *, iv: bytes | None = None
) -> Sealed:
    """Sign and encrypt `plaintext`.

    `iv` has 16 bytes and is random by default. The fields of a profile share one.
    """
    iv = new_iv() if iv is None else iv
    padder = PKCS7(AES_BLOCK_BITS).padder()
    padded = padder.update(plaintext + sign(plaintext, private)) + padder.finalize()
    encryptor = Cipher(algorithms.AES(aes), modes.CBC(iv)).encryptor()
    return Sealed(encryptor.update(padded) + encryptor.finalize(), iv)


def unseal(sealed: Sealed, aes: bytes, public_spki: bytes) -> bytes:
    """Decrypt and verify sealed bytes; return the plaintext.

    Raise Unreadable if the key is wrong, the bytes are damaged or another person signed them.
    """
    try:
        decryptor = Cipher(algorithms.AES(aes), modes.CBC(sealed.iv)).decryptor()
        padded = decryptor.update(sealed.ciphertext) + decryptor.finalize()
        unpadder = PKCS7(AES_BLOCK_BITS).unpadder()
        signed = unpadder.update(padded) + unpadder.finalize()
    except ValueError as error:
        raise Unreadable("the bytes do not decrypt with this key") from error
    plaintext, signature = split_signed(signed)
    verify(plaintext, signature, public_spki)
    return plaintext


def split_signed(signed: bytes) -> tuple[bytes, bytes]:
    """Split `plaintext || signature`. Raise Unreadable if the input is shorter than a signature."""
    if len(signed) < SIGNATURE_BYTES:
        raise Unreadable("the bytes are shorter than a signature")
    return signed[:-SIGNATURE_BYTES], signed[-SIGNATURE_BYTES:]


def encrypt_chunks(plaintext: bytes, public_spki: bytes) -> list[bytes]:
    """Encrypt for the owner of the public key: a chunk of 256 bytes per 122 bytes of plaintext.

    An empty plaintext results in an empty list.
    """
    public_key = _public_key(public_spki)
    return [
        public_key.encrypt(plaintext[start : start + CHUNK_BYTES], _oaep())
        for start in range(0, len(plaintext), CHUNK_BYTES)
    ]


def decrypt_chunks(chunks: Iterable[bytes], private: rsa.RSAPrivateKey) -> bytes:
    """Reverse `encrypt_chunks`. Raise Unreadable if the key is wrong or a chunk is damaged."""
    try:
        return b"".join(private.decrypt(chunk, _oaep()) for chunk in chunks)
    except ValueError as error:
        raise Unreadable("the chunks do not decrypt with this key") from error


def _public_key(spki: bytes) -> rsa.RSAPublicKey:
    try:
        key = serialization.load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Unreadable("this is not a public key") from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise Unreadable("this is not an RSA key")
    return key


def _digest(plaintext: bytes) -> bytes:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(plaintext)
    return digest.finalize()


def _pss() -> padding.PSS:
    return padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=SALT_BYTES)


def _oaep() -> padding.OAEP:
    return padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
