"""The rates of the contract's table "Bounds"."""

import math
from collections.abc import Callable
from typing import Protocol
from uuid import UUID

from server.errors import ResourceExhausted
from server.libraries.limits.bucket_repository import bucket_key
from server.libraries.limits.rate import Rate
from server.libraries.network.client_network import broad_network_of, network_of

# A network may make so many times as many users as an address.
NETWORK = 10


class Buckets(Protocol):
    """Store of the rates."""

    async def take(self, key: bytes, *, seconds: float, room: float) -> float | None:
        """Put something into a bucket, or return in how many seconds it is empty."""

    async def remove(self, key: bytes) -> None:
        """Empty a bucket."""


class RateLimit:
    """One rate, counted for each key by all workers together."""

    def __init__(
        self, buckets: Buckets, name: str, rate: Rate, refusal: Callable[[int], ResourceExhausted]
    ) -> None:
        self._buckets = buckets
        self._name = name
        self._rate = rate
        self._refusal = refusal

    async def take(self, *key: str, count: int = 1) -> None:
        """Count what is done. Raises ResourceExhausted, and counts nothing, beyond the rate.

        `count` fits as a whole where one does: the next ones wait for it.
        """
        rate = self._rate
        if not rate:
            return
        empty_in = await self._buckets.take(
            bucket_key(self._name, *key),
            seconds=count * rate.seconds,
            room=(rate.burst - 1) * rate.seconds,
        )
        if empty_in is not None:
            raise self._refusal(max(1, math.ceil(rate.wait(empty_in))))

    async def forget(self, *key: str) -> None:
        """Count nothing of a key any more."""
        if self._rate:
            await self._buckets.remove(bucket_key(self._name, *key))


class NewUsers:
    """Users and accounts made from one address, and from one network."""

    def __init__(self, buckets: Buckets, rate: Rate) -> None:
        self._address = RateLimit(buckets, "new users of an address", rate, too_many_new_users)
        self._network = RateLimit(
            buckets, "new users of a network", rate.times(NETWORK), too_many_new_users
        )

    async def take(self, address: str) -> None:
        """Count a new user. Raises ResourceExhausted if there are too many."""
        # The address first: who is refused there uses up nothing of their neighbours'.
        await self._address.take(network_of(address))
        await self._network.take(broad_network_of(address))


class InboxMessages:
    """Messages to one inbox from one network."""

    def __init__(self, buckets: Buckets, rate: Rate) -> None:
        self._limit = RateLimit(buckets, "messages to an inbox", rate, too_many_messages)

    async def take(self, user_id: UUID, network: bytes) -> None:
        """Count a message. Raises ResourceExhausted if there are too many."""
        await self._limit.take(str(user_id), network.hex())

    async def forget(self, user_id: UUID, network: bytes) -> None:
        """Count no messages to somebody who does not exist: ids that are made up have no end."""
        await self._limit.forget(str(user_id), network.hex())


class WrongSecrets:
    """Wrong follow secrets from one address."""

    def __init__(self, buckets: Buckets, rate: Rate) -> None:
        self._limit = RateLimit(buckets, "wrong follow secrets", rate, too_many_secrets)

    async def take(self, address: str, count: int) -> None:
        """Count wrong secrets. Raises ResourceExhausted if there were too many."""
        await self._limit.take(network_of(address), count=count)


def too_many_new_users(retry_after: int) -> ResourceExhausted:
    """Return the error for one new user too many."""
    return ResourceExhausted(
        f"Too many new users come from your network. Try again in {retry_after} s.",
        reason="TOO_MANY_NEW_USERS",
        retry_after=retry_after,
    )


def too_many_messages(retry_after: int) -> ResourceExhausted:
    """Return the error for one message to an inbox too many."""
    return ResourceExhausted(
        f"Too many messages to this inbox come from your network. Try again in {retry_after} s.",
        reason="TOO_MANY_MESSAGES",
        retry_after=retry_after,
    )


def too_many_secrets(retry_after: int) -> ResourceExhausted:
    """Return the error for one wrong follow secret too many."""
    return ResourceExhausted(
        f"Too many wrong follow secrets. Try again in {retry_after} s.",
        reason="TOO_MANY_SECRETS",
        retry_after=retry_after,
    )
