"""Guessing passwords costs the guesser, who is refused before any hashing.

Counted are the wrong passwords of an account from one address, those from an address, and, more
generously, those of an account from anywhere: so a guesser shuts out nobody but those who share
an address with them. Beyond a number, there is one more each so often. Failures are counted in the
database, so that all workers count together and a restart forgives nothing. Right passwords cost
nothing, and make the address known for the account: from there, for a while, only the account's
own failures from that address count. Purchase tokens that are made up, which stores are asked
about, and usernames that are taken count for their address.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from server.errors import ResourceExhausted
from server.libraries.limits.bucket_repository import bucket_key
from server.libraries.limits.rate import Rate
from server.libraries.network.client_network import network_of

SECONDS_PER_ACCOUNT = 60
SECONDS_PER_ADDRESS = 1
# From anywhere, an account may have so many times as many wrong passwords.
ANYWHERE = 10


class Failures(Protocol):
    """Store of failures. A key is 32 bytes."""

    async def get(self, keys: Sequence[bytes]) -> dict[bytes, float]:
        """Return in how many seconds each of `keys` that is there is forgotten."""

    async def add(self, seconds: Mapping[bytes, float]) -> dict[bytes, float]:
        """Count a failure of each key, which takes so many seconds longer; return as `get` does."""

    async def keep(self, key: bytes, seconds: float) -> None:
        """Keep a key for so many seconds from now on."""


class GuessThrottle:
    """Says whether a password, a purchase token or a username may be tried.

    An account is a user's id or a name that nobody has; a purchase token has none. An address stays
    known for an account for `known_seconds`: no shorter than workers remember passwords, so that
    none of them refuses what another one lets pass.
    """

    def __init__(
        self, failures: Failures, *, per_account: int, per_address: int, known_seconds: float
    ) -> None:
        self._failures = failures
        self._account = Rate(per_account, SECONDS_PER_ACCOUNT)
        self._anywhere = Rate(per_account * ANYWHERE, SECONDS_PER_ACCOUNT / ANYWHERE)
        self._address = Rate(per_address, SECONDS_PER_ADDRESS)
        self._known_seconds = known_seconds

    async def check(self, account: str | None, address: str) -> None:
        """Raise ResourceExhausted if too many wrong ones were tried."""
        error = too_many_tokens if account is None else too_many_passwords
        await self._check(account, network_of(address), error)

    async def failed(self, account: str | None, address: str) -> float:
        """Count a wrong one; return for how long the account is refused at that address, 0: not."""
        network = network_of(address)
        limits = self._limits(account, network)
        counted = await self._failures.add({key: limit.seconds for key, limit in limits.items()})
        if account is None:
            return 0.0
        return max(0.0, self._account.wait(counted[bucket_key("account", account, network)]))

    async def succeeded(self, account: str, address: str) -> None:
        """Make the address known for the account."""
        await self._failures.keep(_known(account, network_of(address)), self._known_seconds)

    async def check_username(self, address: str) -> None:
        """Raise ResourceExhausted if too many usernames were tried that are taken."""
        await self._check(None, network_of(address), too_many_usernames)

    async def username_was_taken(self, address: str) -> None:
        """Count a username that is taken."""
        await self.failed(None, address)

    async def _check(
        self, account: str | None, network: str, error: Callable[[int], ResourceExhausted]
    ) -> None:
        limits = self._limits(account, network)
        known = _known(account or "", network)
        found = await self._failures.get([*limits, known])
        if found.pop(known, None) is not None:
            found = {key: found[key] for key in found if limits[key] is self._account}
        wait = max((limits[key].wait(seconds) for key, seconds in found.items()), default=0.0)
        if wait > 0:
            raise error(math.ceil(wait))

    def _limits(self, account: str | None, network: str) -> dict[bytes, Rate]:
        limits = {bucket_key("address", network): self._address}
        if account is not None:
            limits[bucket_key("account", account, network)] = self._account
            limits[bucket_key("anywhere", account)] = self._anywhere
        return limits


def too_many_passwords(retry_after: int) -> ResourceExhausted:
    """The error for one wrong password too many."""
    return ResourceExhausted(
        f"Too many wrong passwords. Try again in {retry_after} s.",
        reason="TOO_MANY_PASSWORDS",
        retry_after=retry_after,
    )


def too_many_tokens(retry_after: int) -> ResourceExhausted:
    """The error for one wrong purchase token too many."""
    return ResourceExhausted(
        f"Too many wrong purchase tokens. Try again in {retry_after} s.",
        reason="TOO_MANY_PURCHASE_TOKENS",
        retry_after=retry_after,
    )


def too_many_usernames(retry_after: int) -> ResourceExhausted:
    """The error for one taken username too many."""
    return ResourceExhausted(
        f"Too many usernames were tried that are taken. Try again in {retry_after} s.",
        reason="TOO_MANY_USERNAMES",
        retry_after=retry_after,
    )


def _known(account: str, network: str) -> bytes:
    return bucket_key("known", account, network)
