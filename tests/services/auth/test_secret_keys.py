"""Secrets that sign access tokens: which a worker starts with, and how they are replaced."""

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
    complaint,
    rejects,
    secret,
    settings,
    tokens_of,
)
from tests.support.command import gymlocker


def test_without_a_secret_nothing_starts() -> None:
    for none in (settings(), settings(jwt_previous_secret_keys=OLD)):
        assert complaint(none).startswith("JWT_SECRET_KEY is missing")


def test_a_secret_has_32_bytes() -> None:
    short = "9b2f71c04ed8a3657f0c-canary-1d5"
    assert len(short) == 31
    assert complaint(secret(short)).startswith("JWT_SECRET_KEY: a key is shorter")
    assert complaint(secret(NEW, OLD, short)).startswith("JWT_PREVIOUS_SECRET_KEYS: a key is short")
    load_keys(secret(f"{short}n"))
    # Bytes, not characters.
    load_keys(secret("äöüßéèêçñøåæœđłżśćńýþ"))


GOOD: dict[str, Callable[[], str]] = {
    "openssl rand -hex 32": lambda: secrets.token_hex(32),
    "openssl rand -hex 16": lambda: secrets.token_hex(16),
    "openssl rand -base64 32": lambda: base64.b64encode(secrets.token_bytes(32)).decode(),
    "token_urlsafe": secrets.token_urlsafe,
    "two UUIDs": lambda: f"{uuid4()}{uuid4()}",
    "40 digits": lambda: "".join(secrets.choice(string.digits) for _ in range(40)),
    "a sentence": lambda: "Quiet otters juggle 7 lemons behind the foggy lighthouse",
}


@pytest.mark.parametrize("kind", GOOD)
def test_a_secret_that_is_random_is_taken(kind: str) -> None:
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
def test_a_long_secret_that_repeats_itself_is_refused(weak: str) -> None:
    assert complaint(secret(weak)).startswith("JWT_SECRET_KEY: a key is made of repeats")
    assert complaint(secret(NEW, weak)).startswith("JWT_PREVIOUS_SECRET_KEYS: a key is made of")


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
    faults = {
        "": "JWT_SECRET_KEY is missing",
        "too-short-canary": "shorter than 32 bytes",
        "change-me-in-production-please-canary": "from an example",
        "canary" * 8: "could be guessed",
    }
    ended = await asyncio.gather(
        *[gymlocker("serve", listen, **environment, JWT_SECRET_KEY=key) for key in faults]
    )
    for end, expected in zip(ended, faults.values(), strict=True):
        assert end.code == 1
        [line] = (end.output + end.errors).strip().splitlines()
        assert expected in line
        assert "openssl rand -hex 32" in line
        assert CANARY not in line


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


def test_a_key_that_is_listed_twice_is_one() -> None:
    tokens = tokens_of(secret(NEW, NEW, OLD, OLD))
    assert tokens.verify(tokens.issue(CALLER)) == CALLER


def test_the_id_of_a_key_is_the_same_in_every_worker_and_tells_nothing_of_it() -> None:
    first, second = load_keys(secret(NEW)), load_keys(secret(NEW, OLD))
    assert first.signing_id == second.signing_id
    assert len(second.verifying) == 2
    assert all(part not in NEW for part in (first.signing_id, first.signing_id[:8]))
