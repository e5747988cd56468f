"""Idempotency keys of requests, which the server forgets after a day."""

from uuid import UUID

import asyncpg

from tests.support.client import User


async def age_request_keys(database: asyncpg.Connection, user: User) -> None:
    """Make the keys that the server stored for a user one day older."""
    await database.execute(
        "UPDATE request_keys SET expiry = expiry - interval '1 day' WHERE user_id = $1",
        UUID(user.id),
    )
