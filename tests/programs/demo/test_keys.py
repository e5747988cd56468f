"""The demo's cryptography, compared with WebCrypto (webcrypto_vectors.json) and with itself."""

import base64
import json
import pathlib
import subprocess
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from server.programs.demo import keys
from server.programs.demo.keys import Keys, Sealed, Unreadable
from tests.support.tools import require

HERE = pathlib.Path(__file__).parent
VECTORS: dict[str, Any] = json.loads((HERE / "webcrypto_vectors.json").read_text())
AES = base64.b64decode(VECTORS["aes"])
SIGNER = keys.load_keys(base64.b64decode(VECTORS["signer"]["pkcs8"]), AES)
RECEIVER = keys.load_keys(base64.b64decode(VECTORS["receiver"]["pkcs8"]), AES)
TEXT = "Kniebeuge – 5 × 5 💪".encode()


def _bytes(vector: dict[str, str], name: str) -> bytes:
    return base64.b64decode(vector[name])


def _flip(value: bytes, at: int) -> bytes:
    return value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]


class TestWebCryptoCompatibility:
    @pytest.mark.parametrize("owner", ["signer", "receiver"])
    def test_encodes_keys_like_webcrypto(self, owner: str) -> None:
        loaded = keys.load_keys(_bytes(VECTORS[owner], "pkcs8"), AES)
        assert loaded.public_spki == _bytes(VECTORS[owner], "spki")
        assert loaded.private_pkcs8 == _bytes(VECTORS[owner], "pkcs8")

    @pytest.mark.parametrize("vector", VECTORS["sealed"])
    def test_unseals_bytes_sealed_by_webcrypto(self, vector: dict[str, str]) -> None:
        sealed = Sealed(_bytes(vector, "ciphertext"), _bytes(vector, "iv"))
        plaintext = keys.unseal(sealed, AES, SIGNER.public_spki)
        assert plaintext == _bytes(vector, "plaintext")

    @pytest.mark.parametrize("vector", VECTORS["sealed"])
    def test_seals_to_the_same_bytes_as_webcrypto(
        self, vector: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Signatures are salted, so use the vector's signature; everything else must be equal.
        monkeypatch.setattr(keys, "sign", lambda *_: _bytes(vector, "signature"))
        iv = _bytes(vector, "iv")
        sealed = keys.seal(_bytes(vector, "plaintext"), AES, SIGNER.private, iv=iv)
        assert sealed == Sealed(_bytes(vector, "ciphertext"), iv)

    @pytest.mark.parametrize("vector", VECTORS["chunked"])
    def test_decrypts_chunks_of_webcrypto(self, vector: dict[str, Any]) -> None:
        chunks = [base64.b64decode(chunk) for chunk in vector["chunks"]]
        assert keys.decrypt_chunks(chunks, RECEIVER.private) == _bytes(vector, "plaintext")

    def test_webcrypto_reads_sealed_bytes_and_chunks(self) -> None:
        require("node")
        sealed = keys.seal(TEXT, AES, SIGNER.private)
        chunks = keys.encrypt_chunks(TEXT * 10, RECEIVER.public_spki)
        ours = {
            "aes": AES,
            "spki": SIGNER.public_spki,
            "pkcs8": RECEIVER.private_pkcs8,
            "iv": sealed.iv,
            "ciphertext": sealed.ciphertext,
        }
        given: dict[str, Any] = {
            name: base64.b64encode(value).decode() for name, value in ours.items()
        }
        given["chunks"] = [base64.b64encode(chunk).decode() for chunk in chunks]
        done = subprocess.run(
            ["node", str(HERE / "read_with_webcrypto.mjs")],
            input=json.dumps(given).encode(),
            stdout=subprocess.PIPE,
            check=True,
            timeout=30,
        )
        read = json.loads(done.stdout)
        assert read["verified"] is True
        assert _bytes(read, "sealed") == TEXT
        assert _bytes(read, "chunked") == TEXT * 10


class TestChunks:
    @pytest.mark.parametrize(
        ("length", "count"), [(0, 0), (1, 1), (121, 1), (122, 1), (123, 2), (244, 2), (245, 3)]
    )
    def test_decrypt_to_the_plaintext(self, length: int, count: int) -> None:
        plaintext = bytes(index % 256 for index in range(length))
        chunks = keys.encrypt_chunks(plaintext, RECEIVER.public_spki)
        assert [len(chunk) for chunk in chunks] == [256] * count
        assert keys.decrypt_chunks(chunks, RECEIVER.private) == plaintext

    def test_damaged_chunks_are_unreadable(self) -> None:
        chunks = keys.encrypt_chunks(TEXT, RECEIVER.public_spki)
        for damaged in ([_flip(chunks[0], 0)], [_flip(chunks[0], 255)], [chunks[0][:-1]], [b""]):
            with pytest.raises(Unreadable):
                keys.decrypt_chunks(damaged, RECEIVER.private)
        with pytest.raises(Unreadable):
            keys.decrypt_chunks(chunks, SIGNER.private)


class TestSeal:
    @pytest.mark.parametrize("plaintext", [b"", b"a", b"16 bytes of text", TEXT, bytes(100_000)])
    def test_unseal_returns_the_plaintext(self, plaintext: bytes) -> None:
        sealed = keys.seal(plaintext, AES, SIGNER.private)
        assert len(sealed.iv) == 16
        assert len(sealed.ciphertext) == (len(plaintext) + 256) // 16 * 16 + 16
        assert keys.unseal(sealed, AES, SIGNER.public_spki) == plaintext
        assert keys.seal(plaintext, AES, SIGNER.private).ciphertext != sealed.ciphertext

    def test_damaged_bytes_are_unreadable(self) -> None:
        sealed = keys.seal(TEXT, AES, SIGNER.private)
        for at in range(0, len(sealed.ciphertext), 5):
            damaged = Sealed(_flip(sealed.ciphertext, at), sealed.iv)
            with pytest.raises(Unreadable):
                keys.unseal(damaged, AES, SIGNER.public_spki)
        for at in range(16):
            with pytest.raises(Unreadable):
                keys.unseal(
                    Sealed(sealed.ciphertext, _flip(sealed.iv, at)), AES, SIGNER.public_spki
                )

    def test_wrong_keys_and_lengths_are_unreadable(self) -> None:
        sealed = keys.seal(TEXT, AES, SIGNER.private)
        iv = sealed.iv
        for case in (
            (sealed, keys.new_aes_key(), SIGNER.public_spki),
            (sealed, AES, RECEIVER.public_spki),
            (sealed, AES, b"not a key"),
            (sealed, AES, b""),
            (sealed, b"short", SIGNER.public_spki),
            (Sealed(b"", iv), AES, SIGNER.public_spki),
            (Sealed(sealed.ciphertext[:-1], iv), AES, SIGNER.public_spki),
            (Sealed(sealed.ciphertext[:-16], iv), AES, SIGNER.public_spki),
            (Sealed(sealed.ciphertext, b""), AES, SIGNER.public_spki),
        ):
            with pytest.raises(Unreadable):
                keys.unseal(*case)


class TestSign:
    def test_signature_is_valid_for_one_text_and_signer_only(self) -> None:
        signature = keys.sign(TEXT, SIGNER.private)
        assert len(signature) == 256
        keys.verify(TEXT, signature, SIGNER.public_spki)
        for text, signed, signer in (
            (TEXT + b" ", signature, SIGNER),
            (TEXT, _flip(signature, 100), SIGNER),
            (TEXT, b"", SIGNER),
            (TEXT, signature, RECEIVER),
        ):
            with pytest.raises(Unreadable):
                keys.verify(text, signed, signer.public_spki)

    def test_rejects_input_shorter_than_a_signature(self) -> None:
        assert keys.split_signed(bytes(256)) == (b"", bytes(256))
        with pytest.raises(Unreadable):
            keys.split_signed(bytes(255))


class TestLoadKeys:
    def test_loads_new_keys_of_the_apps_kind(self) -> None:
        made = keys.new_keys()
        numbers = made.private.public_key().public_numbers()
        assert (made.private.key_size, numbers.e, len(made.aes)) == (2048, 65537, 16)
        assert keys.load_keys(made.private_pkcs8, made.aes).public_spki == made.public_spki
        assert made.aes.hex() not in repr(made) and "aes" not in repr(made)

    @pytest.mark.parametrize("encoded", [b"", b"nonsense", SIGNER.public_spki])
    def test_rejects_bytes_that_are_no_private_key(self, encoded: bytes) -> None:
        with pytest.raises(Unreadable):
            keys.load_keys(encoded, AES)

    def test_rejects_smaller_rsa_key(self) -> None:
        small = rsa.generate_private_key(public_exponent=65537, key_size=1024)
        encoded = small.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        with pytest.raises(Unreadable):
            keys.load_keys(encoded, AES)
        assert isinstance(SIGNER, Keys)
