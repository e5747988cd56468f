"""Key pairs that sign access tokens: validation, rotation and algorithm confusion."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from gymlocker.v2 import auth_pb2

from server.errors import StartError
from server.libraries.settings import TokenSettings, load
from tests.services.auth.forge import Forge, claims_of
from tests.services.auth.keys import (
    CALLER,
    CANARY,
    NEW,
    error_of,
    pair,
    rejects,
    secret,
    settings,
    tokens_of,
)

ALGORITHMS = ("RS256", "ES256", "EdDSA")

PrivateKey: TypeAlias = Any

MAKERS: dict[str, Callable[[], PrivateKey]] = {
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "RSA of 1024 bits": lambda: rsa.generate_private_key(65537, 1024),
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "secp256k1": lambda: ec.generate_private_key(ec.SECP256K1()),
    "Ed448": ed448.Ed448PrivateKey.generate,
    "X25519": x25519.X25519PrivateKey.generate,
    "DSA": lambda: dsa.generate_private_key(1024),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a file of each kind of key, and with invalid files."""
    folder = tmp_path_factory.mktemp("keys")
    for name, make in MAKERS.items():
        key = make()
        (folder / name).write_bytes(private_pem(key))
        (folder / f"{name}.public").write_bytes(public_pem(key))
    # Generating RSA keys takes longer than all the rest.
    for name in ("ES256", "EdDSA"):
        (folder / f"{name}.old").write_bytes(private_pem(MAKERS[name]()))
    (folder / "RS256.old").write_bytes(private_pem(rsa.generate_private_key(65537, 2048)))
    encrypted = BestAvailableEncryption(CANARY.encode())
    (folder / "encrypted").write_bytes(private_pem(MAKERS["ES256"](), encrypted))
    pem = (folder / "ES256").read_text()
    (folder / "cut").write_text(pem[: len(pem) // 2])
    (folder / "garbage").write_bytes(CANARY.encode() + bytes(range(256)))
    (folder / "empty").write_bytes(b"")
    (folder / "framed").write_text(pem.splitlines()[0] + f"\n{CANARY}\n" + pem.splitlines()[-1])
    (folder / "folder").mkdir()
    return folder


def private_pem(key: PrivateKey, encryption: KeySerializationEncryption | None = None) -> bytes:
    encoded: bytes = key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()
    )
    return encoded


def public_pem(key: PrivateKey) -> bytes:
    encoded: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return encoded


class TestLoadKeys:
    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    def test_rejects_missing_private_key_file(self, algorithm: str) -> None:
        missing = settings(jwt_algorithm=algorithm, jwt_secret_key=NEW)
        assert error_of(missing).startswith("JWT_PRIVATE_KEY_FILE is missing")

    @pytest.mark.parametrize(
        ("algorithm", "name"),
        [
            ("RS256", "ES256"),
            ("RS256", "EdDSA"),
            ("RS256", "RSA of 1024 bits"),
            ("ES256", "RS256"),
            ("ES256", "P-384"),
            ("ES256", "secp256k1"),
            ("EdDSA", "ES256"),
            ("EdDSA", "Ed448"),
            ("EdDSA", "X25519"),
            ("RS256", "DSA"),
            ("RS256", "RS256.public"),
            ("ES256", "encrypted"),
            ("ES256", "cut"),
            ("ES256", "garbage"),
            ("ES256", "empty"),
            ("ES256", "framed"),
            ("ES256", "folder"),
            ("ES256", "nothing"),
        ],
    )
    def test_rejects_unfit_private_key_file_by_name(
        self, folder: Path, algorithm: str, name: str
    ) -> None:
        text = error_of(pair(algorithm, folder / name))
        assert text.startswith(f"JWT_PRIVATE_KEY_FILE: {folder / name} ")

    @pytest.mark.parametrize(
        ("algorithm", "name"),
        [
            ("RS256", "ES256.public"),
            ("RS256", "RSA of 1024 bits.public"),
            ("ES256", "P-384.public"),
            ("ES256", "P-384"),
            ("EdDSA", "Ed448.public"),
            ("EdDSA", "X25519.public"),
            ("ES256", "encrypted"),
            ("ES256", "garbage"),
            ("ES256", "empty"),
            ("ES256", "nothing"),
        ],
    )
    def test_rejects_unfit_previous_key_file_by_name(
        self, folder: Path, algorithm: str, name: str
    ) -> None:
        text = error_of(pair(algorithm, folder / algorithm, folder / name))
        assert text.startswith(f"JWT_PREVIOUS_KEY_FILES: {folder / name} ")

    @pytest.mark.parametrize("algorithm", ["none", "HS512", "hs256", "RS256,HS256"])
    def test_rejects_other_algorithms(
        self, monkeypatch: pytest.MonkeyPatch, algorithm: str
    ) -> None:
        monkeypatch.setenv("JWT_ALGORITHM", algorithm)
        with pytest.raises(StartError, match="JWT_ALGORITHM"):
            load(TokenSettings)


class TestAccessTokens:
    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    def test_verifies_issued_token(self, folder: Path, algorithm: str) -> None:
        tokens = tokens_of(pair(algorithm, folder / algorithm))
        assert tokens.verify(tokens.issue(CALLER)) == CALLER

    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    @pytest.mark.parametrize("kept", ["private", "public"])
    def test_accepts_tokens_of_previous_key_until_its_removal(
        self, folder: Path, tmp_path: Path, algorithm: str, kept: str
    ) -> None:
        old, new = folder / algorithm, folder / f"{algorithm}.old"
        previous = old if kept == "private" else folder / f"{algorithm}.public"
        token = tokens_of(pair(algorithm, old)).issue(CALLER)
        rotating = tokens_of(pair(algorithm, new, previous))
        assert rotating.verify(token) == CALLER
        assert rejects(tokens_of(pair(algorithm, new)), token)
        assert rejects(tokens_of(pair(algorithm, old)), rotating.issue(CALLER))

    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    @pytest.mark.parametrize("other", ["HS256", *ALGORITHMS])
    def test_rejects_token_of_another_algorithm(
        self, folder: Path, algorithm: str, other: str
    ) -> None:
        if other == algorithm:
            # The same algorithm with another key.
            foreign = tokens_of(pair(other, folder / f"{other}.old"))
        elif other == "HS256":
            foreign = tokens_of(secret(NEW))
        else:
            foreign = tokens_of(pair(other, folder / other))
        assert rejects(tokens_of(pair(algorithm, folder / algorithm)), foreign.issue(CALLER))
        assert rejects(
            tokens_of(secret(NEW)), tokens_of(pair(algorithm, folder / algorithm)).issue(CALLER)
        )

    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    def test_rejects_public_key_as_secret_of_hs256(self, folder: Path, algorithm: str) -> None:
        # The classic attack: the public key, which anybody may have, as the secret of HS256.
        tokens = tokens_of(pair(algorithm, folder / algorithm))
        token = tokens.issue(CALLER)
        for key in (folder / f"{algorithm}.public").read_bytes(), b"":
            forge = Forge(key, auth_pb2.Tokens(access_token=token), auth_pb2.Tokens(), {})
            for header in (forge.header(alg="HS256"), forge.header()):
                assert rejects(tokens, forge.signed(header, claims_of(token)))
            assert rejects(tokens, forge.unsigned("none"))
