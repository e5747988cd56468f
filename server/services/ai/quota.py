"""How many answers of the model a purchase may have in 24 hours.

An answer is charged before the model is asked, so that no number of calls at once gets more, and
given back if the model could not be reached. An introduction, the model's hello, is no answer: the
app asks for one each time it is opened. It has a limit of its own.
"""

import datetime as dt
import hashlib
import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from server.errors import GymlockerError, ResourceExhausted
from server.services.ai.planner.errors import nothing_came
from server.services.ai.purchase.model import Purchase, Store
from server.services.ai.repository import WINDOW, QuotaRepository

Metadata = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Quota:
    """Of `limit` answers so many are left; `reset` is when there is one more, None: none counts."""

    limit: int
    remaining: int
    reset: dt.datetime | None

    def metadata(self, now: dt.datetime) -> Metadata:
        """What a reply says of it."""
        seconds = math.ceil((self.reset - now).total_seconds()) if self.reset else 0
        return (
            ("x-quota-limit", str(self.limit)),
            ("x-quota-remaining", str(self.remaining)),
            ("x-quota-reset", str(max(0, seconds))),
        )


class Quotas:
    """The quotas of purchases. Answers that were refused are counted in `refused`."""

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
        """What is left now."""
        return self._quota(purchase, await self._uses.get(purchase.key, self.now()))

    @asynccontextmanager
    async def charged(self, purchase: Purchase) -> AsyncIterator[Quota]:
        """Charges an answer for what is done inside, and gives it back if no model was reached.

        Raises ResourceExhausted if there is none left.
        """
        limit = self._limit(purchase)
        async with self._charged(purchase.key, limit, _used_up) as uses:
            yield self._quota(purchase, uses)

    def charged_for(
        self, purchase: Purchase, history: Sequence[object]
    ) -> AbstractAsyncContextManager[Quota]:
        """Charge what a conversation is answered by; without a history, it is an introduction."""
        return self.charged(purchase) if history else self.introduced(purchase)

    @asynccontextmanager
    async def introduced(self, purchase: Purchase) -> AsyncIterator[Quota]:
        """Charge an introduction likewise, which leaves the quota of answers as it is."""
        quota = await self.get(purchase)
        if not self._introductions:
            yield quota
            return
        key = _introduction_key(purchase)
        async with self._charged(key, self._introductions, _introduced_too_often):
            yield quota

    @asynccontextmanager
    async def _charged(
        self, key: str, limit: int, error_after: Callable[[int, int], GymlockerError]
    ) -> AsyncIterator[Sequence[dt.datetime]]:
        at = self.now()
        uses = await self._uses.charge(key, at, limit)
        if uses is None:
            self.refused += 1
            raise error_after(limit, await self._wait(key))
        try:
            yield uses
        except GymlockerError as error:
            if nothing_came(error):
                await self._uses.give_back(key, uses[-1])
            raise

    async def _wait(self, key: str) -> int:
        """Return the seconds until the oldest use of `key` ceases to count."""
        now = self.now()
        uses = await self._uses.get(key, now)
        wait = (min(uses) + WINDOW - now).total_seconds() if uses else 0
        return max(1, math.ceil(wait))

    def _limit(self, purchase: Purchase) -> int:
        return self._web if purchase.store is Store.WEB else self._mobile

    def _quota(self, purchase: Purchase, uses: Sequence[dt.datetime]) -> Quota:
        limit = self._limit(purchase)
        return Quota(limit, max(0, limit - len(uses)), min(uses) + WINDOW if uses else None)


def _introduction_key(purchase: Purchase) -> str:
    """Return what introductions are counted by: of the form of other keys, and none of them."""
    return hashlib.sha256(f"introduction {purchase.key}".encode()).hexdigest().upper()


def _used_up(limit: int, retry_after: int) -> ResourceExhausted:
    return ResourceExhausted(
        f"All {limit} answers of 24 hours are used up. Try again in {retry_after} s.",
        reason="QUOTA_USED_UP",
        retry_after=retry_after,
    )


def _introduced_too_often(limit: int, retry_after: int) -> ResourceExhausted:
    return ResourceExhausted(
        f"All {limit} introductions of 24 hours are used up. Send a message instead, or try again "
        f"in {retry_after} s.",
        reason="QUOTA_EXHAUSTED",
        retry_after=retry_after,
    )
