"""The keys of access tokens: which ones a worker starts with, and what they are good for."""

import asyncio
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

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

from server.auth.keys import load_keys
from server.auth.tokens import AccessTokens
from server.errors import StartError, Unauthenticated
from server.rpc.caller import Caller
from server.settings import TokenSettings, load
from tests.auth.forged import Forge, claims_of
from tests.database.command import gymlocker

OLD, NEW = "0123456789abcdef" * 2, "fedcba9876543210" * 2
ALGORITHMS = ("RS256", "ES256", "EdDSA")
CALLER = Caller(uuid4(), uuid4())
# What is in a file that is no key, and in the password of one that is.
CANARY = "canary"

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
    """A file for each kind of key, and others that hold no usable one."""
    folder = tmp_path_factory.mktemp("keys")
    for name, make in MAKERS.items():
        key = make()
        (folder / name).write_bytes(private_pem(key))
        (folder / f"{name}.public").write_bytes(public_pem(key))
    # Making RSA keys takes longer than all the rest.
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


def settings(**values: object) -> TokenSettings:
    return TokenSettings.model_validate(values)


def secret(key: str, *previous: str) -> TokenSettings:
    return settings(jwt_secret_key=key, jwt_previous_secret_keys=",".join(previous))


def pair(algorithm: str, file: Path, *previous: Path) -> TokenSettings:
    return settings(
        jwt_algorithm=algorithm,
        jwt_private_key_file=file,
        jwt_previous_key_files=", ".join(map(str, previous)),
    )


@cache
def tokens_of(settings: TokenSettings) -> AccessTokens:
    return AccessTokens(
        load_keys(settings), issuer="gymlocker", audience="gymlocker", lifetime_seconds=60
    )


def complaint(settings: TokenSettings) -> str:
    """What a worker says that does not start. It is one sentence or two on one line."""
    with pytest.raises(StartError) as raised:
        load_keys(settings)
    text = str(raised.value)
    assert "\n" not in text
    assert CANARY not in text
    return text


def rejects(tokens: AccessTokens, token: str) -> bool:
    try:
        tokens.verify(token)
    except Unauthenticated as error:
        return error.reason == "INVALID_ACCESS_TOKEN"
    return False


# --- Secrets ---


def test_without_a_secret_nothing_starts() -> None:
    for none in (settings(), settings(jwt_previous_secret_keys=OLD)):
        assert complaint(none).startswith("JWT_SECRET_KEY is missing")


def test_a_secret_has_32_bytes() -> None:
    short = "0123456789abcdefghij-canary-klm"
    assert len(short) == 31
    assert complaint(secret(short)).startswith("JWT_SECRET_KEY: a key is shorter")
    assert complaint(secret(NEW, OLD, short)).startswith("JWT_PREVIOUS_SECRET_KEYS: a key is short")
    load_keys(secret(f"{short}n"))
    # Bytes, not characters.
    load_keys(secret("é" * 16))


@pytest.mark.parametrize(
    "example",
    [
        "change-me-in-production-please-canary",
        "your-256-bit-secret-canary-canary-canary",
        "CHANGEME-CHANGEME-CHANGEME-canary",
        "please-replace-this-canary-secret-key",
        "an-example-secret-key-canary-0123456789",
    ],
)
def test_a_secret_that_everybody_knows_is_none(example: str) -> None:
    assert complaint(secret(example)).startswith("JWT_SECRET_KEY: a key reads like")
    assert complaint(secret(NEW, example)).startswith("JWT_PREVIOUS_SECRET_KEYS: a key reads like")


async def test_a_worker_does_not_start_with_such_a_secret(tmp_path: Path) -> None:
    environment = {"DATABASE_URL": "postgresql://user@127.0.0.1:1/name"}
    listen = f"--listen=unix:{tmp_path}/worker.sock"
    secrets = {
        "": "JWT_SECRET_KEY is missing",
        "too-short-canary": "shorter than 32 bytes",
        "change-me-in-production-please-canary": "from an example",
    }
    ended = await asyncio.gather(
        *[gymlocker("serve", listen, **environment, JWT_SECRET_KEY=key) for key in secrets]
    )
    for end, expected in zip(ended, secrets.values(), strict=True):
        assert end.code == 1
        [line] = (end.output + end.errors).strip().splitlines()
        assert expected in line
        assert "openssl rand -hex 32" in line
        assert CANARY not in line


# --- Key pairs ---


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_pair_signs_and_verifies(folder: Path, algorithm: str) -> None:
    tokens = tokens_of(pair(algorithm, folder / algorithm))
    assert tokens.verify(tokens.issue(CALLER)) == CALLER


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_pair_needs_a_file(algorithm: str) -> None:
    missing = settings(jwt_algorithm=algorithm, jwt_secret_key=NEW)
    assert complaint(missing).startswith("JWT_PRIVATE_KEY_FILE is missing")


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
def test_a_file_without_a_fitting_key_is_named(folder: Path, algorithm: str, name: str) -> None:
    text = complaint(pair(algorithm, folder / name))
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
def test_a_previous_file_without_a_fitting_key_is_named(
    folder: Path, algorithm: str, name: str
) -> None:
    text = complaint(pair(algorithm, folder / algorithm, folder / name))
    assert text.startswith(f"JWT_PREVIOUS_KEY_FILES: {folder / name} ")


@pytest.mark.parametrize("algorithm", ["none", "HS512", "hs256", "RS256,HS256"])
def test_other_algorithms_are_none_to_choose(
    monkeypatch: pytest.MonkeyPatch, algorithm: str
) -> None:
    monkeypatch.setenv("JWT_ALGORITHM", algorithm)
    with pytest.raises(StartError, match="JWT_ALGORITHM"):
        load(TokenSettings)


# --- Rotation ---


def test_tokens_of_a_previous_secret_are_good_until_it_is_taken_away() -> None:
    token = tokens_of(secret(OLD)).issue(CALLER)
    rotating = tokens_of(secret(NEW, "another secret of 32 bytes or so", OLD))
    assert rotating.verify(token) == CALLER
    assert rejects(tokens_of(secret(NEW)), token)
    # New ones are of the new key, which workers that were not restarted yet know before.
    newest = rotating.issue(CALLER)
    assert tokens_of(secret(NEW)).verify(newest) == CALLER
    assert rejects(tokens_of(secret(OLD)), newest)
    assert tokens_of(secret(OLD, NEW)).verify(newest) == CALLER


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("kept", ["private", "public"])
def test_tokens_of_a_previous_key_pair_are_good_until_it_is_taken_away(
    folder: Path, tmp_path: Path, algorithm: str, kept: str
) -> None:
    old, new = folder / algorithm, folder / f"{algorithm}.old"
    previous = old if kept == "private" else folder / f"{algorithm}.public"
    token = tokens_of(pair(algorithm, old)).issue(CALLER)
    rotating = tokens_of(pair(algorithm, new, previous))
    assert rotating.verify(token) == CALLER
    assert rejects(tokens_of(pair(algorithm, new)), token)
    assert rejects(tokens_of(pair(algorithm, old)), rotating.issue(CALLER))


def test_a_key_that_is_listed_twice_is_one() -> None:
    tokens = tokens_of(secret(NEW, NEW, OLD, OLD))
    assert tokens.verify(tokens.issue(CALLER)) == CALLER


def test_the_id_of_a_key_is_the_same_in_every_worker_and_tells_nothing_of_it() -> None:
    first, second = load_keys(secret(NEW)), load_keys(secret(NEW, OLD))
    assert first.signing_id == second.signing_id
    assert len(second.verifying) == 2
    assert all(part not in NEW for part in (first.signing_id, first.signing_id[:8]))


# --- Other algorithms ---


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("other", ["HS256", *ALGORITHMS])
def test_a_token_of_another_algorithm_is_none(folder: Path, algorithm: str, other: str) -> None:
    if other == algorithm:
        # The right one again, with another key.
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
def test_a_public_key_is_no_secret(folder: Path, algorithm: str) -> None:
    # The classic: the public key, which anybody may have, taken for the secret of HS256.
    tokens = tokens_of(pair(algorithm, folder / algorithm))
    token = tokens.issue(CALLER)
    for key in (folder / f"{algorithm}.public").read_bytes(), b"":
        forge = Forge(key, auth_pb2.Tokens(access_token=token), auth_pb2.Tokens(), {})
        for header in (forge.header(alg="HS256"), forge.header()):
            assert rejects(tokens, forge.signed(header, claims_of(token)))
        assert rejects(tokens, forge.unsigned("none"))
