"""Quotas of purchases: the answers of the model in a sliding window of 24 hours.

An answer is charged before the request to the model, so that concurrent calls cannot exceed the
quota, and refunded if the model was unavailable. An introduction, which the model answers with a
greeting, does not count as an answer, because the app sends one each time it is opened. It has a
limit of its own.
"""

import datetime as dt
import hashlib
import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from server.errors import GymlockerError, ResourceExhausted
from server.services.ai.planner.errors import is_refundable
from server.services.ai.purchase.model import Purchase, Store
from server.services.ai.repository import WINDOW, QuotaRepository

Metadata = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Quota:
    """The quota of a purchase. `reset` is the time of one more answer, None if all remain."""

    limit: int
    remaining: int
    reset: dt.datetime | None

    def metadata(self, now: dt.datetime) -> Metadata:
        """Return the quota as metadata of a response."""
        seconds = math.ceil((self.reset - now).total_seconds()) if self.reset else 0
        return (
            ("x-quota-limit", str(self.limit)),
            ("x-quota-remaining", str(self.remaining)),
            ("x-quota-reset", str(max(0, seconds))),
        )


class Quotas:
    """Quotas of purchases. `refused` counts refused answers."""

    def __init__(
        self,
        uses: QuotaRepository,
        *,
        web: int,
        mobile: int,
        introductions: int,
        now: Callable[[], dt.datetime],
    ) -> None:
        self._uses = uses
        self._web = web
        self._mobile = mobile
        self._introductions = introductions
        self.now = now
        self.refused = 0

    async def get(self, purchase: Purchase) -> Quota:
        """Return the current quota."""
        return self._quota(purchase, await self._uses.get(purchase.key, self.now()))

    @asynccontextmanager
    async def charge(self, purchase: Purchase) -> AsyncIterator[Quota]:
        """Charge an answer, and refund it if the model was unavailable.

        Raises ResourceExhausted if none remains.
        """
        limit = self._limit(purchase)
        async with self._charge(purchase.key, limit, _used_up) as uses:
            yield self._quota(purchase, uses)

    def charge_chat(
        self, purchase: Purchase, history: Sequence[object]
    ) -> AbstractAsyncContextManager[Quota]:
        """Charge the answer to a conversation, or an introduction if the history is empty."""
        return self.charge(purchase) if history else self.charge_introduction(purchase)

    @asynccontextmanager
    async def charge_introduction(self, purchase: Purchase) -> AsyncIterator[Quota]:
        """Charge an introduction as `charge` does, without changing the quota of answers."""
        quota = await self.get(purchase)
        if not self._introductions:
            yield quota
            return
        key = _introduction_key(purchase)
        async with self._charge(key, self._introductions, _introductions_used_up):
            yield quota

    @asynccontextmanager
    async def _charge(
        self, key: str, limit: int, used_up: Callable[[int, int], GymlockerError]
    ) -> AsyncIterator[Sequence[dt.datetime]]:
        at = self.now()
        uses = await self._uses.charge(key, at, limit)
        if uses is None:
            self.refused += 1
            raise used_up(limit, await self._retry_after(key))
        try:
            yield uses
        except GymlockerError as error:
            if is_refundable(error):
                await self._uses.refund(key, uses[-1])
            raise

    async def _retry_after(self, key: str) -> int:
        """Return the seconds until the oldest use of `key` no longer counts."""
        now = self.now()
        uses = await self._uses.get(key, now)
        seconds = (min(uses) + WINDOW - now).total_seconds() if uses else 0
        return max(1, math.ceil(seconds))

    def _limit(self, purchase: Purchase) -> int:
        return self._web if purchase.store is Store.WEB else self._mobile

    def _quota(self, purchase: Purchase, uses: Sequence[dt.datetime]) -> Quota:
        limit = self._limit(purchase)
        return Quota(limit, max(0, limit - len(uses)), min(uses) + WINDOW if uses else None)


def _introduction_key(purchase: Purchase) -> str:
    """Return the key that introductions are counted by, in the form of a purchase's key."""
    return hashlib.sha256(f"introduction {purchase.key}".encode()).hexdigest().upper()


def _used_up(limit: int, retry_after: int) -> ResourceExhausted:
    return ResourceExhausted(
        f"All {limit} answers of 24 hours are used up. Try again in {retry_after} s.",
        reason="QUOTA_USED_UP",
        retry_after=retry_after,
    )


def _introductions_used_up(limit: int, retry_after: int) -> ResourceExhausted:
    return ResourceExhausted(
        f"All {limit} introductions of 24 hours are used up. Send a message instead, or try again "
        f"in {retry_after} s.",
        reason="QUOTA_EXHAUSTED",
        retry_after=retry_after,
    )
