"""Rows of users, events, shared items and sessions, inserted without the server."""

from uuid import UUID, uuid4

import asyncpg

USER = """
INSERT INTO users (id, user_lookup, hashed_password, salt, last_accessed, created, encryption_iv,
    rsa_public_key)
VALUES ($1, $2, '', '', now() - $3::text::interval, now(), '', '')
"""
EVENTS = """
INSERT INTO user_events (user_id, id, timestamp, last_accessed, expiry, encrypted_event,
    encryption_iv)
SELECT $1, gen_random_uuid(), now(), now(), $2::text::timestamptz, convert_to($3, 'UTF8'), 'iv'
FROM generate_series(1, $4)
"""
SHARED_ITEMS = """
INSERT INTO shared_items (id, user_id, timestamp, expiry, encrypted_payload, encryption_iv)
SELECT gen_random_uuid(), $1, now(), $2::text::timestamptz, convert_to($3, 'UTF8'), 'iv'
FROM generate_series(1, $4)
"""
EXPIRED = ("now", "yesterday", "1970-01-01", "-infinity")
VALID = ("tomorrow", "9999-12-31 23:59:59.999999+00", "infinity")


async def add_user(connection: asyncpg.Connection, inactive_for: str = "0 seconds") -> UUID:
    """Insert a user who was last active so long ago."""
    user_id = uuid4()
    await connection.execute(USER, user_id, user_id.hex[:12], inactive_for)
    return user_id


async def add_each(connection: asyncpg.Connection, expiry: str, number: int = 1) -> None:
    """Insert a user with `number` events and shared items that contain their `expiry`."""
    user_id = await add_user(connection)
    for statement in (EVENTS, SHARED_ITEMS):
        await connection.execute(statement, user_id, expiry, expiry, number)


async def left(connection: asyncpg.Connection) -> list[str]:
    """Return the contents of the remaining events and shared items."""
    query = (
        "SELECT convert_from(encrypted_event, 'UTF8') FROM user_events UNION ALL"
        " SELECT convert_from(encrypted_payload, 'UTF8') FROM shared_items ORDER BY 1"
    )
    return [row[0] for row in await connection.fetch(query)]


async def add_session(connection: asyncpg.Connection, expiry: str) -> None:
    """Insert a user with a session and a refresh token that contains its `expiry`."""
    user_id, session_id = await add_user(connection), uuid4()
    await connection.execute(
        "INSERT INTO sessions (user_id, id, created, expiry)"
        " VALUES ($1, $2, now(), $3::text::timestamptz)",
        user_id,
        session_id,
        expiry,
    )
    await connection.execute(
        "INSERT INTO refresh_tokens (hash, user_id, session_id)"
        " VALUES (convert_to($3, 'UTF8'), $1, $2)",
        user_id,
        session_id,
        expiry,
    )
