"""Authentication by password, with an in-memory cache of verified passwords.

The feed sends the password with every request, and a hash costs 0.1 s of a core. After a success, a
digest stays in memory. It is keyed with a random key of the process and bound to the user and the
stored hash. The stored hash is read for every request, so a changed password or a deleted user
invalidates the cache of all workers at once.

A cached password skips the limit of wrong passwords only from networks that the limit has admitted
before, and not while the account is refused at some address. Therefore all workers answer alike,
and a refused client learns nothing from the cache of one of them.
"""

import hashlib
import secrets
from collections.abc import Callable
from typing import Protocol
from uuid import UUID

from cachetools import TTLCache

from server.errors import account_disabled, no_such_user, wrong_password
from server.libraries.common.single_flight import SingleFlight
from server.libraries.network.client_network import network_of
from server.services.credentials.guess_throttle import PasswordLimit, too_many_passwords
from server.services.credentials.password_hashing import (
    KEY_BYTES,
    SALT_BYTES,
    HashedPassword,
    PasswordHasher,
)
from server.services.credentials.password_policy import normalized

MAX_REMEMBERED = 100_000
# Different passwords of one account and network that are hashed concurrently. An app sends one.
MAX_CONCURRENT = 4
# Networks of one user while a password is cached.
MAX_NETWORKS = 32


class PasswordStore(Protocol):
    """Store of password hashes."""

    async def get(self, user_id: UUID) -> HashedPassword | None:
        """Return the user's hash, None if there is no such user."""

    async def guessed(self, user_id: UUID, seconds: float) -> None:
        """Record that the user is refused at some address for `seconds`."""


class PasswordAuthenticator:
    """Authenticator of users by id and password.

    `remembered` counts the checks that the cache answered, `hashed` those that needed a hash.
    """

    def __init__(
        self,
        passwords: PasswordStore,
        hasher: PasswordHasher,
        limit: PasswordLimit,
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
        # The hash of unknown accounts, which no password matches.
        self._dummy = HashedPassword(
            secrets.token_hex(KEY_BYTES).upper(), secrets.token_bytes(SALT_BYTES)
        )
        # The admitted networks of each digest.
        self._remembered: TTLCache[bytes, set[str]] = TTLCache(MAX_REMEMBERED, memory_seconds)
        self._hashing: SingleFlight[tuple[bytes, str], tuple[str, str], bool] = SingleFlight(
            MAX_CONCURRENT
        )

    async def authenticate(self, user_id: UUID, password: str, address: str) -> None:
        """Check that `password` is the user's.

        Raise Unauthenticated if it is not, NotFound if there is no such user, PermissionDenied if
        it is but the user is disabled, ResourceExhausted after too many wrong passwords,
        Unavailable if too many passwords wait to be checked.
        """
        hashed = await self._passwords.get(user_id)
        if hashed is None:
            raise no_such_user()
        await self.check(str(user_id), hashed, password, address)
        self._touch(user_id)

    async def check(
        self, account: str, hashed: HashedPassword | None, password: str, address: str
    ) -> None:
        """Check that `hashed` is the hash of `password`; raise as `authenticate` does.

        `hashed` is None for an unknown account. That takes as long as a wrong password.
        """
        hashed = hashed or self._dummy
        await self._check(account, hashed, password, address)
        if hashed.is_disabled:
            raise account_disabled()

    async def _check(
        self, account: str, hashed: HashedPassword, password: str, address: str
    ) -> None:
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
        """Cache a password that was just hashed, because a new user's next request is near."""
        await self._limit.succeeded(str(user_id), address)
        self._remember(self._digest(str(user_id), password, hashed), network_of(address))

    def _networks(self, digest: bytes) -> set[str] | None:
        """Return the admitted networks of a cached password, None if it is not cached."""
        try:
            # One lookup: `get` of the cache does two.
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
        """Hash once for concurrent requests with the same password, as apps send at start."""
        return await self._hashing.run(
            (digest, address),
            (account, network_of(address)),
            lambda: self._matches(account, hashed, password, address),
            lambda: too_many_passwords(1),
        )

    async def _matches(
        self, account: str, hashed: HashedPassword, password: str, address: str
    ) -> bool:
        await self._limit.check(account, address)
        # Also the unchanged form: older releases did not normalize passwords.
        for form in dict.fromkeys((normalized(password), password)):
            if await self._hasher.matches(form, hashed, address):
                await self._limit.succeeded(account, address)
                return True
        refused_for = await self._limit.failed(account, address)
        if refused_for and hashed is not self._dummy:
            await self._passwords.guessed(UUID(account), refused_for)
        return False

    def _digest(self, account: str, password: str, hashed: HashedPassword) -> bytes:
        # The stored hash has a fixed length, so that different triples have different texts.
        text = f"{hashed.key}:{len(account)}:{account}:{password}"
        return hashlib.blake2b(text.encode(), key=self._key, digest_size=32).digest()
