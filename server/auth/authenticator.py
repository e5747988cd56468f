"""Checks passwords, and remembers for a while those that were right.

The feed sends the password with every call, and a hash costs 0.1 s of a core. After a success a
digest stays in memory, keyed by a random key of this process and bound to the user and to the
stored hash. The stored hash is read at every call, so a password that was changed, or a user who
was deleted, is forgotten at once and by all workers.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Callable
from typing import Protocol
from uuid import UUID

from cachetools import TTLCache

from server.auth.password import HashedPassword, PasswordHasher
from server.errors import no_such_user
from server.rpc.authentication import wrong_password

MOST_REMEMBERED = 100_000


class Passwords(Protocol):
    """Where the stored hashes are."""

    async def get(self, user_id: UUID) -> HashedPassword | None:
        """The user's hash, None if there is no such user."""


class PasswordAuthenticator:
    """Knows whether a password is the user's."""

    def __init__(
        self,
        passwords: Passwords,
        hasher: PasswordHasher,
        *,
        memory_seconds: float,
        seen: Callable[[UUID], None],
    ) -> None:
        self._passwords = passwords
        self._hasher = hasher
        self._seen = seen
        self._key = secrets.token_bytes(32)
        self._remembered: TTLCache[bytes, bool] = TTLCache(MOST_REMEMBERED, memory_seconds)
        self._under_way: dict[bytes, asyncio.Task[bool]] = {}

    async def authenticate(self, user_id: UUID, password: str) -> None:
        """Returns if `password` is the user's.

        Raises Unauthenticated if it is not, NotFound if there is no such user, Unavailable if too
        many passwords wait to be checked.
        """
        hashed = await self._passwords.get(user_id)
        if hashed is None:
            raise no_such_user()
        digest = self._digest(user_id, password, hashed)
        if digest not in self._remembered:
            if not await self._check(digest, password, hashed):
                raise wrong_password()
            self._remembered[digest] = True
        self._seen(user_id)

    def remember(self, user_id: UUID, password: str, hashed: HashedPassword) -> None:
        """Remembers a password that was hashed just now: a new user's first call comes at once."""
        self._remembered[self._digest(user_id, password, hashed)] = True

    async def _check(self, digest: bytes, password: str, hashed: HashedPassword) -> bool:
        """Hashes once for all calls that ask the same at the same time, as an app does at start."""
        task = self._under_way.get(digest)
        if task is None:
            task = asyncio.create_task(self._hasher.matches(password, hashed))
            self._under_way[digest] = task
            task.add_done_callback(lambda _: self._under_way.pop(digest))
        # One caller who hangs up must not take the answer from the others.
        return await asyncio.shield(task)

    def _digest(self, user_id: UUID, password: str, hashed: HashedPassword) -> bytes:
        # The first two parts have a fixed form, so that no two different triples read the same.
        text = f"{user_id}:{hashed.key}:{password}"
        return hashlib.blake2b(text.encode(), key=self._key, digest_size=32).digest()
