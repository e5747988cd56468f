"""A pool of users that tests reuse.

Creating a user costs a password hash, which most tests do not need. A test has its users to itself;
their data is deleted before the next test. Users that were deleted, or whose password was changed,
are not reused.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg

from server.programs.demo.transport import Transport, channel_over
from tests.support.client import Client, User

OWNED = (
    "user_events",
    # Deleting events writes to them.
    "user_event_deletions",
    "user_event_clocks",
    "user_follow_secrets",
    "user_inbox_items",
    "shared_items",
    "request_keys",
    "sessions",
    "access_keys",
    "backups",
    "push_endpoints",
    "workouts",
    # Deleting workouts writes to them.
    "workout_deletions",
    "workout_clocks",
)


class UserPool:
    """Users that are not in use, and their original password hashes."""

    def __init__(self) -> None:
        self._free: list[User] = []
        self._hashes: dict[str, str | None] = {}

    async def take(
        self, connection: asyncpg.Connection, create: Callable[[], Awaitable[User]]
    ) -> User:
        """Return an emptied user, or create one if none is free."""
        while self._free:
            user = self._free.pop()
            if await _hash_of(connection, user) == self._hashes[user.id]:
                await _empty(connection, user)
                return user
        user = await create()
        self._hashes[user.id] = await _hash_of(connection, user)
        return user

    def give_back(self, users: list[User]) -> None:
        """Return users to the pool."""
        self._free += users

    @asynccontextmanager
    async def client(
        self, transport: Transport, connection: asyncpg.Connection
    ) -> AsyncIterator[Client]:
        """Yield stubs whose users are taken from the pool, and return the users afterwards."""
        taken: list[User] = []
        channel = channel_over(transport)

        async def user() -> User:
            taken.append(await self.take(connection, Client(channel).created_user))
            return taken[-1]

        yield Client(channel, user)
        self.give_back(taken)


async def _hash_of(connection: asyncpg.Connection, user: User) -> str | None:
    query = "SELECT hashed_password FROM users WHERE id = $1"
    found: str | None = await connection.fetchval(query, UUID(user.id))
    return found


async def _empty(connection: asyncpg.Connection, user: User) -> None:
    for table in OWNED:
        await connection.execute(f"DELETE FROM {table} WHERE user_id = $1", UUID(user.id))
    await connection.execute(
        """
        UPDATE users SET encrypted_current_plan = NULL, encrypted_profile_picture = NULL,
            encrypted_name = NULL, encryption_iv = '', rsa_public_key = '', last_accessed = created,
            username = NULL, username_key = NULL, disabled = NULL, import_backups = false
        WHERE id = $1
        """,
        UUID(user.id),
    )
