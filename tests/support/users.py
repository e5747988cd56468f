"""Users that tests hand on to one another, emptied.

Making one costs the server a hash of a password, and most tests are about something else. A test
has a user to itself; the next one gets them as if they were new. A user who was deleted, or whose
password was changed, is not handed on.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg

from server.programs.demo.transport import Transport, channel_over
from tests.support.client import Client, User

OWNED = (
    "user_events",
    "user_event_clocks",
    "user_follow_secrets",
    "user_inbox_items",
    "shared_items",
    "request_keys",
    "sessions",
    "workouts",
)


class UserPool:
    """Users that no test has at the moment, and the hashes that their passwords had at first."""

    def __init__(self) -> None:
        self._free: list[User] = []
        self._hashes: dict[str, str | None] = {}

    async def take(
        self, connection: asyncpg.Connection, create: Callable[[], Awaitable[User]]
    ) -> User:
        """A user as good as new, or, if there is none, a new one."""
        while self._free:
            user = self._free.pop()
            if await _hash_of(connection, user) == self._hashes[user.id]:
                await _empty(connection, user)
                return user
        user = await create()
        self._hashes[user.id] = await _hash_of(connection, user)
        return user

    def give_back(self, users: list[User]) -> None:
        """Takes in users whom a test no longer needs."""
        self._free += users

    @asynccontextmanager
    async def client(
        self, transport: Transport, connection: asyncpg.Connection
    ) -> AsyncIterator[Client]:
        """The services' stubs, whose new users are from here, and come back."""
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
            username = NULL, username_key = NULL
        WHERE id = $1
        """,
        UUID(user.id),
    )
