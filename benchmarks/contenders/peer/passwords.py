"""Password checks: in a thread each time, or with Gymlocker's cache."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol
from uuid import UUID

from server.errors import wrong_password
from server.libraries.settings import Settings
from server.services.credentials.password_authenticator import PasswordAuthenticator
from server.services.credentials.password_hashing import HashedPassword, PasswordHasher

THREADS: int = Settings.model_fields["password_threads"].default
QUEUE: int = Settings.model_fields["password_queue"].default
MEMORY_MINUTES: float = Settings.model_fields["password_memory_minutes"].default


class Passwords(Protocol):
    """A check of passwords."""

    async def check(self, user_id: UUID, hashed: HashedPassword, password: str) -> None:
        """Return if the password is correct; otherwise raise Unauthenticated."""


class InThread:
    """A check that hashes on every call."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="password")

    async def check(self, user_id: UUID, hashed: HashedPassword, password: str) -> None:
        """Return if the password is correct; otherwise raise Unauthenticated."""
        loop = asyncio.get_running_loop()
        if not await loop.run_in_executor(self._executor, hashed.matches, password):
            raise wrong_password()


class Cached:
    """A check with Gymlocker's cache of correct passwords."""

    def __init__(self) -> None:
        self._authenticator = PasswordAuthenticator(
            NoRepository(),
            PasswordHasher(threads=THREADS, queue=QUEUE),
            NoThrottle(),
            memory_seconds=MEMORY_MINUTES * 60,
            touch=lambda _: None,
        )

    async def check(self, user_id: UUID, hashed: HashedPassword, password: str) -> None:
        """Return if the password is correct; otherwise raise Unauthenticated."""
        await self._authenticator.check(str(user_id), hashed, password, "nowhere")


class NoThrottle:
    """A throttle without limits."""

    async def check(self, account: str, address: str) -> None:
        """Allow the attempt."""

    async def failed(self, account: str, address: str) -> float:
        """Return no waiting time."""
        return 0

    async def succeeded(self, account: str, address: str) -> None:
        """Do nothing."""


class NoRepository:
    """A repository that is not used: the routes read hashes themselves."""

    async def get(self, user_id: UUID) -> HashedPassword | None:
        """Return no hash."""
        return None

    async def guessed(self, user_id: UUID, seconds: float) -> None:
        """Do nothing."""


PASSWORDS: dict[str, type[Passwords]] = {"thread": InThread, "cached": Cached}
