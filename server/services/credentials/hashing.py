"""Hashing of passwords, off the event loop, by a bounded number of threads.

Passwords that are checked go before those that are new, so that a flood of new users keeps nobody
from logging in.

A hash is PBKDF2-HMAC-SHA512 with 350,000 rounds, a random salt of 64 bytes and a key of 64 bytes,
written as upper-case hex: what LiftLog's server stores, so that its users keep their passwords.
One takes about 0.1 s of a core.
"""

import asyncio
import hmac
import secrets
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Self, TypeVar

from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from server.errors import Unavailable
from server.libraries.network.client_network import network_of

ROUNDS = 350_000
SALT_BYTES = 64
KEY_BYTES = 64

Result = TypeVar("Result")


@dataclass(frozen=True)
class HashedPassword:
    """What is stored of a password: `key` in upper-case hex, `salt` as it is.

    `is_guessed` says that too many wrong ones came from some address.
    """

    key: str
    salt: bytes
    is_guessed: bool = False

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

    Of those that wait, no address has more than half, so that nobody can shut out all others, and
    new passwords are no more than half: the rest is for those that are checked. These are taken
    first, and where there are several threads one is theirs. Passwords that found no place are
    counted in `shed`.
    """

    def __init__(self, *, threads: int, queue: int) -> None:
        self.queue = queue
        self.rejected = 0
        self._threads = threads
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="password")
        self._max_in_flight = threads + queue
        self._max_of_one = threads + queue // 2
        self._max_new_running = max(1, threads - 1)
        self._max_new = self._max_new_running + queue // 2
        self._in_flight: Counter[str] = Counter()
        self._running: Counter[bool] = Counter()
        # By whether they are new.
        self._waiting: dict[bool, deque[asyncio.Future[None]]] = {False: deque(), True: deque()}

    @property
    def running(self) -> int:
        """How many passwords are being hashed."""
        return self._running.total()

    @property
    def waiting(self) -> int:
        """How many wait for a thread."""
        return sum(map(len, self._waiting.values()))

    def require_place(self, address: str) -> None:
        """Raise Unavailable if there is no place for a new password of somebody at `address`."""
        self._require_place(network_of(address), is_new=True)

    async def hash(self, password: str, address: str) -> HashedPassword:
        """Hashes `password` with a new salt, for somebody who calls from `address`."""
        work = partial(HashedPassword.of, password)
        return await self._run(work, network_of(address), is_new=True)

    async def matches(self, password: str, hashed: HashedPassword, address: str) -> bool:
        """Whether `hashed` is the hash of `password`, for somebody who calls from `address`."""
        work = partial(hashed.matches, password)
        return await self._run(work, network_of(address), is_new=False)

    def close(self) -> None:
        """Ends the threads when they are done."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], Result], network: str, *, is_new: bool) -> Result:
        self._require_place(network, is_new=is_new)
        self._in_flight[network] += 1
        try:
            await self._thread(is_new=is_new)
        except asyncio.CancelledError:
            self._in_flight -= Counter([network])
            raise
        hashing = asyncio.get_running_loop().run_in_executor(self._executor, work)
        hashing.add_done_callback(lambda _: self._finished(network, is_new=is_new))
        # The thread goes on when the caller hangs up, and is taken for as long.
        return await asyncio.shield(hashing)

    def _require_place(self, network: str, *, is_new: bool) -> None:
        new = len(self._waiting[True]) + self._running[True]
        if (
            self._in_flight.total() >= self._max_in_flight
            or self._in_flight[network] >= self._max_of_one
            or (is_new and new >= self._max_new)
        ):
            self.rejected += 1
            raise Unavailable(
                "Too many passwords are being checked. Try again in a moment.", reason="OVERLOADED"
            )

    async def _thread(self, *, is_new: bool) -> None:
        """Wait for a thread, and take it."""
        if self._is_free(is_new=is_new):
            self._running[is_new] += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting[is_new].append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn in self._waiting[is_new]:
                self._waiting[is_new].remove(turn)
            elif not turn.cancelled():
                self._leave(is_new=is_new)
            raise

    def _is_free(self, *, is_new: bool) -> bool:
        if self._running.total() >= self._threads:
            return False
        return not is_new or (
            self._running[True] < self._max_new_running and not self._waiting[False]
        )

    def _finished(self, network: str, *, is_new: bool) -> None:
        self._in_flight -= Counter([network])
        self._leave(is_new=is_new)

    def _leave(self, *, is_new: bool) -> None:
        """Give the thread to the next one who waits."""
        self._running[is_new] -= 1
        for kind, waiting in self._waiting.items():
            while waiting and self._is_free(is_new=kind):
                turn = waiting.popleft()
                if not turn.cancelled():
                    self._running[kind] += 1
                    turn.set_result(None)
