"""Secrets of HS256: validation at the start of a worker, and rotation."""

import asyncio
import base64
import secrets
import string
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from server.services.auth.signing_keys import load_keys
from tests.services.auth.keys import (
    CALLER,
    CANARY,
    NEW,
    OLD,
    error_of,
    rejects,
    secret,
    settings,
    tokens_of,
)
from tests.support.command import gymlocker

GOOD: dict[str, Callable[[], str]] = {
    "openssl rand -hex 32": lambda: secrets.token_hex(32),
    "openssl rand -hex 16": lambda: secrets.token_hex(16),
    "openssl rand -base64 32": lambda: base64.b64encode(secrets.token_bytes(32)).decode(),
    "token_urlsafe": secrets.token_urlsafe,
    "two UUIDs": lambda: f"{uuid4()}{uuid4()}",
    "40 digits": lambda: "".join(secrets.choice(string.digits) for _ in range(40)),
    "a sentence": lambda: "Quiet otters juggle 7 lemons behind the foggy lighthouse",
}


class TestLoadKeys:
    def test_rejects_missing_secret(self) -> None:
        for none in (settings(), settings(jwt_previous_secret_keys=OLD)):
            assert error_of(none).startswith("JWT_SECRET_KEY is missing")

    def test_rejects_secret_shorter_than_32_bytes(self) -> None:
        short = "9b2f71c04ed8a3657f0c-canary-1d5"
        assert len(short) == 31
        assert error_of(secret(short)).startswith("JWT_SECRET_KEY: a key is shorter")
        assert error_of(secret(NEW, OLD, short)).startswith(
            "JWT_PREVIOUS_SECRET_KEYS: a key is short"
        )
        load_keys(secret(f"{short}n"))
        # The length counts bytes, not characters.
        load_keys(secret("äöüßéèêçñøåæœđłżśćńýþ"))

    def test_rejects_secret_with_a_comma(self) -> None:
        assert error_of(secret(f"{NEW},{OLD}")).startswith(
            "JWT_SECRET_KEY must not contain a comma"
        )

    @pytest.mark.parametrize("kind", GOOD)
    def test_accepts_random_secret(self, kind: str) -> None:
        for _ in range(20):
            load_keys(secret(GOOD[kind]()))

    @pytest.mark.parametrize(
        "weak",
        [
            "a" * 64,
            "abc" * 30,
            "0f" * 32,
            "é" * 16,
            "0123456789" * 5,
            "0123456789abcdef" * 4,
            "fedcba9876543210" * 2,
            "abcdefghijklmnopqrstuvwxyz0123456789",
            "qwertyuiopasdfghjklzxcvbnm1234567890",
            "1q2w3e4r5t6y7u8i9o0p" * 2,
            "password" * 8,
            "Password12345678" * 3,
            "supersecretsupersecretsupersecret",
            "deadbeef" * 8,
            "gymlocker-gymlocker-gymlocker-gym",
        ],
    )
    def test_rejects_long_secret_of_repeats_sequences_or_words(self, weak: str) -> None:
        assert error_of(secret(weak)).startswith("JWT_SECRET_KEY: a key consists of repeats")
        assert error_of(secret(NEW, weak)).startswith("JWT_PREVIOUS_SECRET_KEYS: a key consists of")

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
    def test_rejects_secret_from_an_example(self, example: str) -> None:
        assert error_of(secret(example)).startswith("JWT_SECRET_KEY: a key looks like")
        assert error_of(secret(NEW, example)).startswith(
            "JWT_PREVIOUS_SECRET_KEYS: a key looks like"
        )

    @pytest.mark.extended
    async def test_worker_exits_with_one_line_on_invalid_secret(self, tmp_path: Path) -> None:
        environment = {"DATABASE_URL": "postgresql://user@127.0.0.1:1/name"}
        listen = f"--listen=unix:{tmp_path}/worker.sock"
        errors = {
            "": "JWT_SECRET_KEY is missing",
            "too-short-canary": "shorter than 32 bytes",
            "change-me-in-production-please-canary": "from an example",
            "canary" * 8: "could be guessed",
        }
        ended = await asyncio.gather(
            *[gymlocker("serve", listen, **environment, JWT_SECRET_KEY=key) for key in errors]
        )
        for end, expected in zip(ended, errors.values(), strict=True):
            assert end.code == 1
            [line] = (end.output + end.errors).strip().splitlines()
            assert expected in line
            assert "openssl rand -hex 32" in line
            assert CANARY not in line

    def test_accepts_duplicate_secrets(self) -> None:
        tokens = tokens_of(secret(NEW, NEW, OLD, OLD))
        assert tokens.verify(tokens.issue(CALLER)) == CALLER

    def test_key_id_is_stable_and_reveals_nothing(self) -> None:
        first, second = load_keys(secret(NEW)), load_keys(secret(NEW, OLD))
        assert first.signing_id == second.signing_id
        assert len(second.verifying) == 2
        assert all(part not in NEW for part in (first.signing_id, first.signing_id[:8]))


class TestRotation:
    def test_accepts_tokens_of_previous_secret_until_its_removal(self) -> None:
        token = tokens_of(secret(OLD)).issue(CALLER)
        rotating = tokens_of(secret(NEW, "another secret of 32 bytes or so", OLD))
        assert rotating.verify(token) == CALLER
        assert rejects(tokens_of(secret(NEW)), token)
        # Workers must know the new key before others sign with it.
        newest = rotating.issue(CALLER)
        assert tokens_of(secret(NEW)).verify(newest) == CALLER
        assert rejects(tokens_of(secret(OLD)), newest)
        assert tokens_of(secret(OLD, NEW)).verify(newest) == CALLER
