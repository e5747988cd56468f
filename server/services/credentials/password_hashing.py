"""Password hashing in a bounded thread pool, off the event loop.

Checks of passwords have priority over hashes of new ones, so that a flood of new users does not
prevent logins.

A hash is PBKDF2-HMAC-SHA512 with 350,000 rounds, a random salt of 64 bytes and a key of 64 bytes in
upper-case hex. LiftLog's server stores the same, so its users keep their passwords. One hash takes
about 0.1 s of a core.
"""

import asyncio
import hmac
import secrets
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Self, TypeVar

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
    """Stored hash of a password: `key` in upper-case hex, and the raw `salt`.

    `is_guessed` is true while the account is refused at an address with too many wrong passwords,
    `is_disabled` while the operator refuses the user.
    """

    # The key of users without a password, which no password has.
    UNUSABLE: ClassVar[str] = ""

    key: str
    salt: bytes
    is_guessed: bool = False
    is_disabled: bool = False

    @classmethod
    def of(cls, password: str) -> Self:
        """Hash `password` with a new salt."""
        salt = secrets.token_bytes(SALT_BYTES)
        return cls(_derive(password, salt), salt)

    @classmethod
    def unusable(cls) -> Self:
        """Return a hash that no password matches."""
        return cls(cls.UNUSABLE, secrets.token_bytes(SALT_BYTES))

    def matches(self, password: str) -> bool:
        """Check, in constant time, whether this is the hash of `password`."""
        derived = _derive(password, self.salt)
        return hmac.compare_digest(derived.encode(), self.key.encode())


def _derive(password: str, salt: bytes) -> str:
    function = PBKDF2HMAC(algorithm=SHA512(), length=KEY_BYTES, salt=salt, iterations=ROUNDS)
    return function.derive(password.encode()).hex().upper()


class PasswordHasher:
    """Thread pool with a bounded queue. `rejected` counts passwords beyond its bounds.

    One network may fill at most half of the queue, so that it cannot lock out all others. New
    passwords may fill at most half as well. The rest is reserved for checks, which leave the queue
    first. With several threads, one is reserved for checks.
    """

    def __init__(self, *, threads: int, queue: int) -> None:
        self.queue = queue
        self.rejected = 0
        self._threads = threads
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="password")
        self._max_in_flight = threads + queue
        self._max_per_network = threads + queue // 2
        self._max_new_running = max(1, threads - 1)
        self._max_new = self._max_new_running + queue // 2
        self._in_flight: Counter[str] = Counter()
        self._running: Counter[bool] = Counter()
        # Keyed by whether the password is new.
        self._waiting: dict[bool, deque[asyncio.Future[None]]] = {False: deque(), True: deque()}

    @property
    def running(self) -> int:
        """Return the number of passwords that are being hashed."""
        return self._running.total()

    @property
    def waiting(self) -> int:
        """Return the number of passwords that wait for a thread."""
        return sum(map(len, self._waiting.values()))

    def require_capacity(self, address: str) -> None:
        """Raise Unavailable if there is no capacity for a new password from `address`."""
        self._require_capacity(network_of(address), is_new=True)

    async def hash(self, password: str, address: str) -> HashedPassword:
        """Hash `password` with a new salt for a client at `address`."""
        work = partial(HashedPassword.of, password)
        return await self._run(work, network_of(address), is_new=True)

    async def matches(self, password: str, hashed: HashedPassword, address: str) -> bool:
        """Check whether `hashed` is the hash of `password` for a client at `address`."""
        work = partial(hashed.matches, password)
        return await self._run(work, network_of(address), is_new=False)

    def close(self) -> None:
        """Stop the threads after the hashes in progress."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], Result], network: str, *, is_new: bool) -> Result:
        self._require_capacity(network, is_new=is_new)
        self._in_flight[network] += 1
        try:
            await self._acquire_thread(is_new=is_new)
        except asyncio.CancelledError:
            self._in_flight -= Counter([network])
            raise
        hashing = asyncio.get_running_loop().run_in_executor(self._executor, work)
        hashing.add_done_callback(lambda _: self._on_finished(network, is_new=is_new))
        # The thread stays busy even if the caller cancels the request.
        return await asyncio.shield(hashing)

    def _require_capacity(self, network: str, *, is_new: bool) -> None:
        new = len(self._waiting[True]) + self._running[True]
        if (
            self._in_flight.total() >= self._max_in_flight
            or self._in_flight[network] >= self._max_per_network
            or (is_new and new >= self._max_new)
        ):
            self.rejected += 1
            raise Unavailable(
                "Too many passwords are being checked. Try again in a moment.", reason="OVERLOADED"
            )

    async def _acquire_thread(self, *, is_new: bool) -> None:
        """Wait for a thread and reserve it."""
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
                self._release_thread(is_new=is_new)
            raise

    def _is_free(self, *, is_new: bool) -> bool:
        if self._running.total() >= self._threads:
            return False
        return not is_new or (
            self._running[True] < self._max_new_running and not self._waiting[False]
        )

    def _on_finished(self, network: str, *, is_new: bool) -> None:
        self._in_flight -= Counter([network])
        self._release_thread(is_new=is_new)

    def _release_thread(self, *, is_new: bool) -> None:
        """Hand the thread to the next waiting password."""
        self._running[is_new] -= 1
        for kind, waiting in self._waiting.items():
            while waiting and self._is_free(is_new=kind):
                turn = waiting.popleft()
                if not turn.cancelled():
                    self._running[kind] += 1
                    turn.set_result(None)
