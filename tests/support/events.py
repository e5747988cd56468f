"""Helpers for tests of events: publishing, and the earliest and latest timestamps."""

from uuid import UUID

import asyncpg
from gymlocker.v2 import event_pb2

from tests.support.client import Client, User, event_of, follow

YEAR_1 = -62135596800
YEAR_9999 = 253402300799


async def published(client: Client, user: User, *payloads: bytes) -> list[event_pb2.UserEvent]:
    """Publish an event for each payload; return the events that a follower reads."""
    for payload in payloads:
        await client.events.PutEvent(event_of(user, payload))
    secret = await client.new_secret(user)
    return list((await client.feed(follow(user.id, secret))).events)


async def insert_events(
    connection: asyncpg.Connection, user_id: str, payload: bytes, count: int
) -> None:
    """Store `count` events of a user at once, without calls."""
    await connection.execute(
        """
        INSERT INTO user_events (user_id, id, timestamp, last_accessed, expiry, encrypted_event,
                                 encryption_iv)
        SELECT $1, gen_random_uuid(), now(), now(), now() + interval '1 day', $2, '\\x00'
        FROM generate_series(1, $3)
        """,
        UUID(user_id),
        payload,
        count,
    )
