"""Checks passwords: in a thread each time, or remembered as our own server does it."""

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
    """Knows right passwords from wrong ones."""

    async def check(self, user_id: UUID, hashed: HashedPassword, password: str) -> None:
        """Returns if it is the user's; raises Unauthenticated if it is not."""


class InThread:
    """Hashes at every call."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="password")

    async def check(self, user_id: UUID, hashed: HashedPassword, password: str) -> None:
        """Returns if it is the user's; raises Unauthenticated if it is not."""
        loop = asyncio.get_running_loop()
        if not await loop.run_in_executor(self._executor, hashed.matches, password):
            raise wrong_password()


class Remembered:
    """Our own server's memory."""

    def __init__(self) -> None:
        self._authenticator = PasswordAuthenticator(
            NotAsked(),
            PasswordHasher(threads=THREADS, queue=QUEUE),
            NoLimit(),
            memory_seconds=MEMORY_MINUTES * 60,
            touch=lambda _: None,
        )

    async def check(self, user_id: UUID, hashed: HashedPassword, password: str) -> None:
        """Returns if it is the user's; raises Unauthenticated if it is not."""
        await self._authenticator.check(str(user_id), hashed, password, "nowhere")


class NoLimit:
    """Lets everybody guess."""

    async def check(self, account: str, address: str) -> None:
        """Never raises."""

    async def failed(self, account: str, address: str) -> float:
        """Counts nothing."""
        return 0

    async def succeeded(self, account: str, address: str) -> None:
        """Keeps nothing."""


class NotAsked:
    """The routes read hashes themselves."""

    async def get(self, user_id: UUID) -> HashedPassword | None:
        """Knows nobody."""
        return None

    async def guessed(self, user_id: UUID, seconds: float) -> None:
        """Notes nothing."""


PASSWORDS: dict[str, type[Passwords]] = {"thread": InThread, "remembered": Remembered}
