"""The ends of leases, for tests that do not wait for them."""

from uuid import UUID

import asyncpg


async def end_leases(database: asyncpg.Connection, user_id: str) -> None:
    """End all leases of an inbox."""
    await database.execute(
        """
        UPDATE user_inbox_items SET leased_until = clock_timestamp()
        WHERE user_id = $1 AND leased_until > clock_timestamp()
        """,
        UUID(user_id),
    )
