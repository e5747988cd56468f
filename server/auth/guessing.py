"""Guessing passwords costs the guesser, who is refused before any hashing.

Counted are the wrong passwords of an account from one address, those from an address, and, more
generously, those of an account from anywhere: so a guesser shuts out nobody but those who share
an address with them. Beyond a number, there is one more each so often. Failures are counted in the
database, so that all workers count together and a restart forgives nothing. Right passwords cost
nothing. Purchase tokens that are made up, which stores are asked about, count for their address.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

from server.auth.network import network_of
from server.bounds.rate import Rate
from server.bounds.repository import bucket_key
from server.errors import ResourceExhausted

SECONDS_PER_ACCOUNT = 60
SECONDS_PER_ADDRESS = 1
# From anywhere, an account may have so many times as many wrong passwords.
ANYWHERE = 10


class Failures(Protocol):
    """Where failures are counted. A key is 32 bytes."""

    async def get(self, keys: Sequence[bytes]) -> dict[bytes, float]:
        """In how many seconds each of `keys` that has failures is forgiven all of them."""

    async def add(self, seconds: Mapping[bytes, float]) -> object:
        """Counts a failure of each key, which takes so many seconds longer to be forgiven."""


class GuessLimit:
    """Says whether a password or a purchase token may be tried.

    An account is a user's id or a name that nobody has; a purchase token has none.
    """

    def __init__(self, failures: Failures, *, per_account: int, per_address: int) -> None:
        self._failures = failures
        self._account = Rate(per_account, SECONDS_PER_ACCOUNT)
        self._anywhere = Rate(per_account * ANYWHERE, SECONDS_PER_ACCOUNT / ANYWHERE)
        self._address = Rate(per_address, SECONDS_PER_ADDRESS)

    async def check(self, account: str | None, address: str) -> None:
        """Raises ResourceExhausted if too many wrong ones were tried."""
        limits = self._limits(account, address)
        found = await self._failures.get(list(limits))
        wait = max((limits[key].wait(seconds) for key, seconds in found.items()), default=0.0)
        if wait > 0:
            seconds = math.ceil(wait)
            raise too_many_tokens(seconds) if account is None else too_many_passwords(seconds)

    async def failed(self, account: str | None, address: str) -> None:
        """Counts a wrong one."""
        limits = self._limits(account, address)
        await self._failures.add({key: limit.seconds for key, limit in limits.items()})

    def _limits(self, account: str | None, address: str) -> dict[bytes, Rate]:
        network = network_of(address)
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
