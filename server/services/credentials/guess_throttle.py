"""Limits of wrong passwords and other secrets, checked before any hashing.

Wrong passwords count towards three limits: of the account at one address, of the address, and, more
generous, of the account at all addresses. Therefore a guesser locks out only clients that share the
address. Each limit allows a burst, and then one failure per interval. Failures are counted in the
database, so that all workers count together and a restart forgives nothing. Correct passwords cost
nothing and make the address known for the account. From a known address, only the account's own
failures at that address count for a while. Invented purchase tokens, which would cause requests to
the stores, and usernames that are taken count towards the limit of their address.
"""

import math
from typing import Protocol

from server.libraries.limits.bucket_repository import BucketRepository, bucket_key
from server.libraries.limits.rate import Rate, Rejection, rate_exceeded
from server.libraries.network.client_network import network_of

SECONDS_PER_ACCOUNT = 60
SECONDS_PER_ADDRESS = 1
# The limit of an account at all addresses, as a multiple of that at one address.
ANYWHERE = 10

too_many_passwords = rate_exceeded("Too many wrong passwords.", reason="TOO_MANY_PASSWORDS")
too_many_tokens = rate_exceeded(
    "Too many wrong purchase tokens.", reason="TOO_MANY_PURCHASE_TOKENS"
)
too_many_usernames = rate_exceeded(
    "Too many taken usernames were tried.", reason="TOO_MANY_USERNAMES"
)


class PasswordLimit(Protocol):
    """Limit of wrong passwords."""

    async def check(self, account: str, address: str) -> None:
        """Raise ResourceExhausted after too many wrong passwords."""

    async def failed(self, account: str, address: str) -> float:
        """Count a wrong password; return for how long the account is refused at the address."""

    async def succeeded(self, account: str, address: str) -> None:
        """Make the address known for the account."""


class SecretLimit(Protocol):
    """Limit of wrong secrets that belong to no account, such as API keys."""

    async def check(self, account: None, address: str) -> None:
        """Raise ResourceExhausted after too many wrong secrets."""

    async def failed(self, account: None, address: str) -> object:
        """Count a wrong secret."""


class UsernameLimit(Protocol):
    """Limit of attempts to take usernames that are taken."""

    async def check_username(self, address: str) -> None:
        """Raise ResourceExhausted after too many taken usernames."""

    async def username_was_taken(self, address: str) -> None:
        """Count a username that is taken."""


class GuessThrottle:
    """Throttle of passwords, other secrets and usernames.

    An account is a user's id or an unknown username; secrets other than passwords have none. An
    address stays known for an account for `known_seconds`. This must not be shorter than workers
    cache passwords, so that all workers accept the same requests.
    """

    def __init__(
        self,
        failures: BucketRepository,
        *,
        per_account: int,
        per_address: int,
        known_seconds: float,
    ) -> None:
        self._failures = failures
        self._account = Rate(per_account, SECONDS_PER_ACCOUNT)
        self._anywhere = Rate(per_account * ANYWHERE, SECONDS_PER_ACCOUNT / ANYWHERE)
        self._address = Rate(per_address, SECONDS_PER_ADDRESS)
        self._known_seconds = known_seconds

    async def check(self, account: str | None, address: str) -> None:
        """Raise ResourceExhausted after too many wrong secrets."""
        rejection = too_many_tokens if account is None else too_many_passwords
        await self._check(account, network_of(address), rejection)

    async def failed(self, account: str | None, address: str) -> float:
        """Count a wrong secret; return for how long the account is refused at the address."""
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
        """Raise ResourceExhausted after too many taken usernames."""
        await self._check(None, network_of(address), too_many_usernames)

    async def username_was_taken(self, address: str) -> None:
        """Count a username that is taken."""
        await self.failed(None, address)

    async def _check(self, account: str | None, network: str, rejection: Rejection) -> None:
        limits = self._limits(account, network)
        known = _known(account or "", network)
        found = await self._failures.get([*limits, known])
        if found.pop(known, None) is not None:
            found = {key: found[key] for key in found if limits[key] is self._account}
        wait = max((limits[key].wait(seconds) for key, seconds in found.items()), default=0.0)
        if wait > 0:
            raise rejection(math.ceil(wait))

    def _limits(self, account: str | None, network: str) -> dict[bytes, Rate]:
        limits = {bucket_key("address", network): self._address}
        if account is not None:
            limits[bucket_key("account", account, network)] = self._account
            limits[bucket_key("anywhere", account)] = self._anywhere
        return limits


def _known(account: str, network: str) -> bytes:
    return bucket_key("known", account, network)
