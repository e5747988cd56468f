"""Hashing of passwords, off the event loop, by a bounded number of threads.

A hash is PBKDF2-HMAC-SHA512 with 350,000 rounds, a random salt of 64 bytes and a key of 64 bytes,
written as upper-case hex: what LiftLog's server stores, so that its users keep their passwords.
One takes about 0.1 s of a core.
"""

import asyncio
import hmac
import secrets
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self, TypeVar

from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from server.auth.network import network_of
from server.errors import Unavailable

ROUNDS = 350_000
SALT_BYTES = 64
KEY_BYTES = 64

Result = TypeVar("Result")


@dataclass(frozen=True)
class HashedPassword:
    """What is stored of a password: `key` in upper-case hex, `salt` as it is."""

    key: str
    salt: bytes

    @classmethod
    def of(cls, password: str) -> Self:
        """Hashes `password` with a new salt."""
        salt = secrets.token_bytes(SALT_BYTES)
        return cls(_derive(password, salt), salt)

    def matches(self, password: str) -> bool:
        """Whether this is the hash of `password`, compared in constant time."""
        derived = _derive(password, self.salt)
        return hmac.compare_digest(derived.encode(), self.key.encode())


def _derive(password: str, salt: bytes) -> str:
    function = PBKDF2HMAC(algorithm=SHA512(), length=KEY_BYTES, salt=salt, iterations=ROUNDS)
    return function.derive(password.encode()).hex().upper()


class PasswordHasher:
    """A pool of threads that hash. Both threads and waiting passwords are limited in number.

    Of those that wait, no address has more than half, so that nobody can shut out all others.
    Passwords that found no place are counted in `shed`.
    """

    def __init__(self, *, threads: int, queue: int) -> None:
        self.queue = queue
        self.shed = 0
        self._threads = threads
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="password")
        self._most = threads + queue
        self._most_of_one = threads + queue // 2
        self._under_way: Counter[str] = Counter()

    @property
    def running(self) -> int:
        """How many passwords are being hashed."""
        return min(self._under_way.total(), self._threads)

    @property
    def waiting(self) -> int:
        """How many wait for a thread."""
        return self._under_way.total() - self.running

    async def hash(self, password: str, address: str) -> HashedPassword:
        """Hashes `password` with a new salt, for somebody who calls from `address`."""
        return await self._run(lambda: HashedPassword.of(password), network_of(address))

    async def matches(self, password: str, hashed: HashedPassword, address: str) -> bool:
        """Whether `hashed` is the hash of `password`, for somebody who calls from `address`."""
        return await self._run(lambda: hashed.matches(password), network_of(address))

    def close(self) -> None:
        """Ends the threads when they are done."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], Result], network: str) -> Result:
        if self._under_way.total() >= self._most or self._under_way[network] >= self._most_of_one:
            self.shed += 1
            raise Unavailable(
                "Too many passwords are being checked. Try again in a moment.", reason="OVERLOADED"
            )
        self._under_way[network] += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        finally:
            self._under_way -= Counter([network])
