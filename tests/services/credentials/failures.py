"""Failures that are counted: what the tests of guessing share.

Failures are forgiven with time, so a test writes into the table when they will be, instead of
failing often or waiting long.
"""

import hashlib
import json
from uuid import uuid4

import asyncpg

# Failures that are taken without a wait.
PER_ACCOUNT, PER_ADDRESS = 3, 6
SECONDS_PER_ACCOUNT = 60
WRONG = "wrong password"


def somewhere() -> str:
    """An address that no other test calls from."""
    return f"test {uuid4()}"


def someone() -> str:
    """An account that no other test knows."""
    return str(uuid4())


def key_of(*parts: str) -> bytes:
    return hashlib.sha256(json.dumps(parts).encode()).digest()


async def forgive_in(seconds: float, database: asyncpg.Connection, *parts: str) -> None:
    """All failures of an account or an address are forgiven in so many seconds."""
    await database.execute(
        """
        INSERT INTO password_failures VALUES ($1, now() + make_interval(secs => $2))
        ON CONFLICT (key) DO UPDATE SET forgiven = excluded.forgiven
        """,
        key_of(*parts),
        float(seconds),
    )


async def forgiven_at(database: asyncpg.Connection, *parts: str) -> object:
    """When all failures of an account or an address are forgiven; None: there is none."""
    query = "SELECT forgiven FROM password_failures WHERE key = $1"
    return await database.fetchval(query, key_of(*parts))
