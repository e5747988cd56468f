"""Bytes that each network stores, counted in memory and flushed in batches.

Calls do not wait for the database to be counted. So each worker notices a few seconds late that a
network has reached its limit, and a crash loses what was not flushed.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Protocol

import structlog
from asyncpg import PostgresError

from server.errors import GymlockerError, ResourceExhausted
from server.libraries.limits.bucket_repository import bucket_key

FLUSH_SECONDS = 2
DAY_SECONDS = 86_400

_log = structlog.get_logger("traffic")


class Buckets(Protocol):
    """Store of the buckets that count bytes."""

    async def add(self, seconds: Mapping[bytes, float]) -> dict[bytes, float]:
        """Fill buckets; return the seconds until each is empty."""


class StorageMeter:
    """Meter that lets each network store `bytes_per_day` at once and again per day; 0: no limit."""

    def __init__(
        self, buckets: Buckets, bytes_per_day: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._buckets = buckets
        self._bytes_per_day = bytes_per_day
        self._clock = clock
        self._pending: Counter[str] = Counter()
        self._full_until: dict[str, float] = {}

    def check(self, network: str) -> None:
        """Raise ResourceExhausted if the network has stored too much."""
        if network in self._full_until:
            seconds = self._full_until[network] - self._clock()
            if seconds > 0:
                raise too_much_stored(math.ceil(seconds))

    def add(self, network: str, size: int) -> None:
        """Count `size` bytes of the network."""
        if self._bytes_per_day:
            self._pending[network] += size

    async def flush(self) -> None:
        """Add the bytes counted here to those of all workers, and read the totals."""
        pending, self._pending = self._pending, Counter()
        now = self._clock()
        self._full_until = {key: time for key, time in self._full_until.items() if time > now}
        if not pending:
            return
        keys = {bucket_key("stored by a network", network): network for network in pending}
        seconds_per_byte = DAY_SECONDS / self._bytes_per_day
        try:
            levels = await self._buckets.add(
                {key: pending[network] * seconds_per_byte for key, network in keys.items()}
            )
        except (GymlockerError, PostgresError) as error:
            self._pending += pending
            _log.warning("job_deferred", error=type(error).__name__)
            return
        for key, seconds in levels.items():
            if seconds > DAY_SECONDS:
                self._full_until[keys[key]] = now + seconds - DAY_SECONDS


def too_much_stored(retry_after: int) -> ResourceExhausted:
    """Return the error for a network that has stored its maximum of a day."""
    return ResourceExhausted(
        "Your network has stored all that one may in a day. "
        f"Try again in {retry_after} s, or from elsewhere.",
        reason="QUOTA_EXCEEDED",
        retry_after=retry_after,
    )
