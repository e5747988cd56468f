"""How many answers of the model a purchase may have in 24 hours.

An answer is charged before the model is asked, so that no number of calls at once gets more, and
given back if the model could not be reached.
"""

import datetime as dt
import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from server.ai.planner.faults import nothing_came
from server.ai.purchase.model import Purchase, Store
from server.ai.repository import WINDOW, QuotaRepository
from server.errors import GymlockerError, ResourceExhausted

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
        now: Callable[[], dt.datetime],
    ) -> None:
        self._uses = uses
        self._web = web
        self._mobile = mobile
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
        at = self.now()
        uses = await self._uses.charge(purchase.key, at, self._limit(purchase))
        if uses is None:
            self.refused += 1
            raise self._used_up(await self.get(purchase))
        try:
            yield self._quota(purchase, uses)
        except GymlockerError as error:
            if nothing_came(error):
                await self._uses.give_back(purchase.key, uses[-1])
            raise

    def _limit(self, purchase: Purchase) -> int:
        return self._web if purchase.store is Store.WEB else self._mobile

    def _quota(self, purchase: Purchase, uses: Sequence[dt.datetime]) -> Quota:
        limit = self._limit(purchase)
        return Quota(limit, max(0, limit - len(uses)), min(uses) + WINDOW if uses else None)

    def _used_up(self, quota: Quota) -> ResourceExhausted:
        wait = (quota.reset - self.now()).total_seconds() if quota.reset else 0
        seconds = max(1, math.ceil(wait))
        return ResourceExhausted(
            f"All {quota.limit} answers of 24 hours are used up. Try again in {seconds} s.",
            reason="QUOTA_USED_UP",
            retry_after=seconds,
        )
