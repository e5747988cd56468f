"""Rows of endpoints and messages, and time that passes."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from server.services.push.due_pushes import DuePushRepository
from server.services.push.model import DuePush
from server.services.push.repository import EndpointRepository
from tests.services.push.device import Device

HOUR = timedelta(hours=1)
TIMES = ("created", "confirmed", "challenged", "due", "attempted", "pushed", "failing")
SHIFT = ", ".join(f"{time} = {time} - $1::interval" for time in TIMES)


async def pass_time(connection: asyncpg.Connection, time: timedelta) -> None:
    """Move all endpoints and messages into the past."""
    await connection.execute(f"UPDATE push_endpoints SET {SHIFT}", time)
    await connection.execute("UPDATE user_inbox_items SET received = received - $1::interval", time)


async def put_message(connection: asyncpg.Connection, user_id: UUID) -> None:
    """Store a message in the inbox of a user."""
    await connection.execute(
        "INSERT INTO user_inbox_items (id, user_id, encrypted_message) VALUES ($1, $2, $3)",
        uuid4(),
        user_id,
        [b"canary"],
    )


async def row_of(connection: asyncpg.Connection, endpoint_id: UUID) -> dict[str, Any] | None:
    """Return the row of an endpoint."""
    row = await connection.fetchrow("SELECT * FROM push_endpoints WHERE id = $1", endpoint_id)
    return dict(row) if row else None


async def challenge_of(connection: asyncpg.Connection, endpoint_id: UUID) -> bytes:
    """Return the challenge of an endpoint."""
    challenge: bytes = await connection.fetchval(
        "SELECT challenge FROM push_endpoints WHERE id = $1", endpoint_id
    )
    return challenge


async def confirmed(
    connection: asyncpg.Connection,
    endpoints: EndpointRepository,
    user_id: UUID,
    device: Device,
) -> UUID:
    """Return a confirmed endpoint, to which nothing is due."""
    endpoint_id = await endpoints.register(user_id, device.subscription)
    await endpoints.confirm(user_id, endpoint_id, await challenge_of(connection, endpoint_id))
    await connection.execute(
        "UPDATE push_endpoints SET due = NULL, confirmed = confirmed - interval '1 second'"
        " WHERE id = $1",
        endpoint_id,
    )
    return endpoint_id


async def claim_one(queue: DuePushRepository) -> DuePush:
    """Claim the only push that is due."""
    [push], _ = await queue.claim(10)
    return push


async def claim_none(queue: DuePushRepository) -> bool:
    """Check that no push is due."""
    return await queue.claim(10) == ([], False)


async def announced(
    connection: asyncpg.Connection, queue: DuePushRepository, user_id: UUID
) -> None:
    """Store a message, and announce it."""
    await put_message(connection, user_id)
    await queue.announce([user_id])
