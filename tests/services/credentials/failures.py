"""Stored failures of accounts and addresses.

Failures expire with time. Instead of many failures or long waits, a test stores the time when all
of them have expired.
"""

import hashlib
import json
from uuid import uuid4

import asyncpg

# Failures within the limits.
PER_ACCOUNT, PER_ADDRESS = 3, 6
SECONDS_PER_ACCOUNT = 60
WRONG = "wrong password"


def somewhere() -> str:
    """Return an address that no other test uses."""
    return f"test {uuid4()}"


def someone() -> str:
    """Return an account that no other test uses."""
    return str(uuid4())


def key_of(*parts: str) -> bytes:
    """Return the key of a limit in the table."""
    return hashlib.sha256(json.dumps(parts).encode()).digest()


async def forgive_in(seconds: float, database: asyncpg.Connection, *parts: str) -> None:
    """Let all failures of an account or an address expire in `seconds`."""
    await database.execute(
        """
        INSERT INTO password_failures VALUES ($1, now() + make_interval(secs => $2))
        ON CONFLICT (key) DO UPDATE SET forgiven = excluded.forgiven
        """,
        key_of(*parts),
        float(seconds),
    )


async def forgiven_at(database: asyncpg.Connection, *parts: str) -> object:
    """Return when all failures of an account or an address expire, None if there are none."""
    query = "SELECT forgiven FROM password_failures WHERE key = $1"
    return await database.fetchval(query, key_of(*parts))
