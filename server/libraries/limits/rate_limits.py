"""Rate limits of new users, messages to an inbox, wrong follow secrets, backups and pushes."""

import math
from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

from server.libraries.limits.bucket_repository import bucket_key
from server.libraries.limits.rate import Rate, Rejection, rate_exceeded
from server.libraries.network.client_network import broad_network_of, network_of

# A network may create so many times as many users as an address.
NETWORK_FACTOR = 10

too_many_new_users = rate_exceeded(
    "Too many new users come from your network.", reason="TOO_MANY_NEW_USERS"
)
too_many_messages = rate_exceeded(
    "Too many messages to this inbox come from your network.", reason="TOO_MANY_MESSAGES"
)
too_many_backups = rate_exceeded("Too many backups.", reason="TOO_MANY_BACKUPS")
too_many_push_endpoints = rate_exceeded(
    "Too many push endpoints were registered.", reason="TOO_MANY_PUSH_ENDPOINTS"
)
too_many_secrets = rate_exceeded("Too many wrong follow secrets.", reason="TOO_MANY_SECRETS")


class Buckets(Protocol):
    """Store of the buckets that count rates."""

    async def take(self, key: bytes, *, seconds: float, room: float) -> float | None:
        """Fill a bucket, or return the seconds until it is empty if there is no room."""

    async def get(self, keys: Sequence[bytes]) -> dict[bytes, float]:
        """Return the seconds until each bucket is empty, without those that are."""

    async def add(self, seconds: Mapping[bytes, float]) -> dict[bytes, float]:
        """Fill buckets; return the seconds until each is empty."""

    async def remove(self, key: bytes) -> None:
        """Empty a bucket."""


class RateLimit:
    """A rate for each key, counted by all workers together."""

    def __init__(self, buckets: Buckets, name: str, rate: Rate, rejection: Rejection) -> None:
        self._buckets = buckets
        self._name = name
        self._rate = rate
        self._rejection = rejection

    async def take(self, *key: str, count: int = 1) -> None:
        """Count `count` at once. Raise ResourceExhausted, and count nothing, beyond the rate.

        All of `count` fit where one fits; later ones wait for them.
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
            raise self._rejection(max(1, math.ceil(rate.wait(empty_in))))

    async def check(self, *key: str) -> None:
        """Raise ResourceExhausted if another one would be beyond the rate. Count nothing."""
        rate = self._rate
        if not rate:
            return
        bucket = bucket_key(self._name, *key)
        empty_in = (await self._buckets.get([bucket])).get(bucket, 0.0)
        if (wait := rate.wait(empty_in)) > 0:
            raise self._rejection(max(1, math.ceil(wait)))

    async def count(self, *key: str) -> None:
        """Count one, also beyond the rate."""
        if self._rate:
            await self._buckets.add({bucket_key(self._name, *key): self._rate.seconds})

    async def forget(self, *key: str) -> None:
        """Drop the count of a key."""
        if self._rate:
            await self._buckets.remove(bucket_key(self._name, *key))


class NewUsers:
    """Rate limit of the users and accounts created from one address, and from one network."""

    def __init__(self, buckets: Buckets, rate: Rate) -> None:
        self._address = RateLimit(buckets, "new users of an address", rate, too_many_new_users)
        self._network = RateLimit(
            buckets, "new users of a network", rate.times(NETWORK_FACTOR), too_many_new_users
        )

    async def take(self, address: str) -> None:
        """Count a new user. Raise ResourceExhausted beyond the rate."""
        # The address first: a rejected address must not use up the rate of its network.
        await self._address.take(network_of(address))
        await self._network.take(broad_network_of(address))


class InboxMessages:
    """Rate limit of the messages to one inbox from one network."""

    def __init__(self, buckets: Buckets, rate: Rate) -> None:
        self._limit = RateLimit(buckets, "messages to an inbox", rate, too_many_messages)

    async def take(self, user_id: UUID, network: bytes) -> None:
        """Count a message. Raise ResourceExhausted beyond the rate."""
        await self._limit.take(str(user_id), network.hex())

    async def forget(self, user_id: UUID, network: bytes) -> None:
        """Drop the count of a user who does not exist: made-up ids would fill the table."""
        await self._limit.forget(str(user_id), network.hex())


class WrongSecrets:
    """Rate limit of the wrong follow secrets from one address."""

    def __init__(self, buckets: Buckets, rate: Rate) -> None:
        self._limit = RateLimit(buckets, "wrong follow secrets", rate, too_many_secrets)

    async def take(self, address: str, count: int) -> None:
        """Count wrong secrets. Raise ResourceExhausted beyond the rate."""
        await self._limit.take(network_of(address), count=count)


class BackupUploads:
    """Rate limit of a user's backups. Only those that added an entry are counted."""

    def __init__(self, buckets: Buckets, rate: Rate) -> None:
        self._limit = RateLimit(buckets, "backups", rate, too_many_backups)

    async def check(self, user_id: UUID) -> None:
        """Raise ResourceExhausted if the user has stored too many backups."""
        await self._limit.check(str(user_id))

    async def count(self, user_id: UUID) -> None:
        """Count a backup."""
        await self._limit.count(str(user_id))


class PushRegistrations:
    """Rate limit of the push endpoints that one user registers, and one network.

    Each of them makes the server send a request to a host that the user chooses.
    """

    def __init__(self, buckets: Buckets, rate: Rate) -> None:
        self._user = RateLimit(buckets, "push endpoints of a user", rate, too_many_push_endpoints)
        self._network = RateLimit(
            buckets,
            "push endpoints of a network",
            rate.times(NETWORK_FACTOR),
            too_many_push_endpoints,
        )

    async def take(self, user_id: UUID, address: str) -> None:
        """Count a registration. Raise ResourceExhausted beyond the rate."""
        # The user first: a rejected user must not use up the rate of their network.
        await self._user.take(str(user_id))
        await self._network.take(broad_network_of(address))


class PushesPerHost:
    """Rate of the pushes to one host, so that nobody uses the server to flood it.

    A host is a name, or a network (`network_of`) that connections are opened to: anybody can have
    many names for one address.
    """

    def __init__(self, buckets: Buckets, rate: Rate) -> None:
        self._buckets = buckets
        self._rate = rate

    async def take(self, host: str) -> float:
        """Count a push and return 0; beyond the rate, return the seconds until one more fits."""
        rate = self._rate
        if not rate:
            return 0
        empty_in = await self._buckets.take(
            bucket_key("pushes to a host", host),
            seconds=rate.seconds,
            room=(rate.burst - 1) * rate.seconds,
        )
        return 0 if empty_in is None else max(1.0, rate.wait(empty_in))
