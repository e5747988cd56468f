"""Checks passwords, and remembers for a while those that were right.

The feed sends the password with every call, and a hash costs 0.1 s of a core. After a success a
digest stays in memory, keyed by a random key of this process and bound to the user and to the
stored hash. The stored hash is read at every call, so a password that was changed, or a user who
was deleted, is forgotten at once and by all workers.

What is remembered passes at once only from networks whose limit of guessing was looked at, and
not while the account is refused somewhere: so all workers say the same, and nobody who is refused
learns from what one of them remembers.
"""

import hashlib
import secrets
from collections.abc import Callable
from typing import Protocol
from uuid import UUID

from cachetools import TTLCache

from server.errors import no_such_user, wrong_password
from server.libraries.common.single_flight import SingleFlight
from server.libraries.network.client_network import network_of
from server.services.credentials.hashing import (
    KEY_BYTES,
    SALT_BYTES,
    HashedPassword,
    PasswordHasher,
)
from server.services.credentials.password_policy import prepared
from server.services.credentials.throttle import too_many_passwords

MAX_REMEMBERED = 100_000
# Different passwords of one account, from one network, that are hashed at the same time. An app
# sends one.
MAX_CONCURRENT = 4
# Addresses from which one person calls while a password is remembered.
MAX_NETWORKS = 32


class Passwords(Protocol):
    """Where the stored hashes are."""

    async def get(self, user_id: UUID) -> HashedPassword | None:
        """The user's hash, None if there is no such user."""

    async def guessed(self, user_id: UUID, seconds: float) -> None:
        """Note that the user is refused at some address for so many seconds."""


class Limit(Protocol):
    """How many wrong passwords may be tried."""

    async def check(self, account: str, address: str) -> None:
        """Raises ResourceExhausted if there were too many."""

    async def failed(self, account: str, address: str) -> float:
        """Count one; return for how long the account is refused at that address, 0: not."""

    async def succeeded(self, account: str, address: str) -> None:
        """Make the address known for the account."""


class PasswordAuthenticator:
    """Knows whether a password is the user's.

    `remembered` counts the checks that memory answered, `hashed` those that took a hash.
    """

    def __init__(
        self,
        passwords: Passwords,
        hasher: PasswordHasher,
        limit: Limit,
        *,
        memory_seconds: float,
        touch: Callable[[UUID], None],
    ) -> None:
        self._passwords = passwords
        self._hasher = hasher
        self._limit = limit
        self._touch = touch
        self.remembered = 0
        self.hashed = 0
        self._key = secrets.token_bytes(32)
        # Stands in for the hash of somebody who does not exist; no password has it.
        self._nobodys = HashedPassword(
            secrets.token_hex(KEY_BYTES).upper(), secrets.token_bytes(SALT_BYTES)
        )
        # The networks that each may come from: see `network_of`.
        self._remembered: TTLCache[bytes, set[str]] = TTLCache(MAX_REMEMBERED, memory_seconds)
        self._hashing: SingleFlight[tuple[bytes, str], tuple[str, str], bool] = SingleFlight(
            MAX_CONCURRENT
        )

    async def authenticate(self, user_id: UUID, password: str, address: str) -> None:
        """Returns if `password` is the user's.

        Raises Unauthenticated if it is not, NotFound if there is no such user, ResourceExhausted
        if too many wrong ones were tried, Unavailable if too many passwords wait to be checked.
        """
        hashed = await self._passwords.get(user_id)
        if hashed is None:
            raise no_such_user()
        await self.check(str(user_id), hashed, password, address)
        self._touch(user_id)

    async def check(
        self, account: str, hashed: HashedPassword | None, password: str, address: str
    ) -> None:
        """Returns if `hashed` is the hash of `password`; raises as `authenticate` does.

        None, for a name that nobody has, takes as long as a wrong password.
        """
        hashed = hashed or self._nobodys
        network = network_of(address)
        digest = self._digest(account, password, hashed)
        networks = self._networks(digest)
        if networks is None:
            self.hashed += 1
            if not await self._hashed_once(digest, account, hashed, password, address):
                raise wrong_password()
            self._remember(digest, network)
            return
        self.remembered += 1
        if network in networks and not hashed.is_guessed:
            return
        await self._limit.check(account, address)
        if network not in networks:
            await self._limit.succeeded(account, address)
            self._remember(digest, network)

    async def remember(
        self, user_id: UUID, password: str, hashed: HashedPassword, address: str
    ) -> None:
        """Remember a password that was hashed just now: a new user's first call comes at once."""
        await self._limit.succeeded(str(user_id), address)
        self._remember(self._digest(str(user_id), password, hashed), network_of(address))

    def _networks(self, digest: bytes) -> set[str] | None:
        """Return where a remembered password may come from; None: it is not remembered."""
        try:
            # At one look: `get` takes two.
            return self._remembered[digest]
        except KeyError:
            return None

    def _remember(self, digest: bytes, network: str) -> None:
        networks = self._networks(digest)
        if networks is None:
            networks = self._remembered[digest] = set()
        if len(networks) >= MAX_NETWORKS:
            networks.clear()
        networks.add(network)

    async def _hashed_once(
        self, digest: bytes, account: str, hashed: HashedPassword, password: str, address: str
    ) -> bool:
        """Hashes once for all calls that ask the same at the same time, as an app does at start."""
        return await self._hashing.run(
            (digest, address),
            (account, network_of(address)),
            lambda: self._matches(account, hashed, password, address),
            lambda: too_many_passwords(retry_after=1),
        )

    async def _matches(
        self, account: str, hashed: HashedPassword, password: str, address: str
    ) -> bool:
        await self._limit.check(account, address)
        # As it was typed: it may have been hashed before passwords were prepared.
        for form in dict.fromkeys((prepared(password), password)):
            if await self._hasher.matches(form, hashed, address):
                await self._limit.succeeded(account, address)
                return True
        refused_for = await self._limit.failed(account, address)
        if refused_for and hashed is not self._nobodys:
            await self._passwords.guessed(UUID(account), refused_for)
        return False

    def _digest(self, account: str, password: str, hashed: HashedPassword) -> bytes:
        # The stored hash has a fixed form, so that no two different triples read the same.
        text = f"{hashed.key}:{len(account)}:{account}:{password}"
        return hashlib.blake2b(text.encode(), key=self._key, digest_size=32).digest()
