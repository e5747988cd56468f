"""Refreshing what watchers share: named users at once, and all of them now and then.

A hint that is lost costs a moment, because a refresh of all users finds what was missed.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Collection
from typing import NoReturn, Protocol
from uuid import UUID

import structlog
from asyncpg import PostgresError

from server.errors import GymlockerError

# Between two refreshes of all users: while hints arrive, and while they do not.
HEAL_SECONDS = 10.0
POLL_SECONDS = 1.0
RETRY_SECONDS = 0.5
# Users of one read.
MAX_USERS = 64

_log = structlog.get_logger("watch")


class Liveness(Protocol):
    """A source of hints."""

    @property
    def is_live(self) -> bool:
        """Check whether the hints of other workers arrive."""


class MarkedUsers:
    """Users to refresh; `refresh` gets a few at a time, and is not called concurrently."""

    def __init__(self, refresh: Callable[[Collection[UUID]], Awaitable[None]]) -> None:
        self._refresh = refresh
        self._marked: dict[UUID, None] = {}
        self._wake = asyncio.Event()

    def mark(self, user_id: UUID) -> None:
        """Refresh a user soon. Repeated marks count once."""
        self._marked[user_id] = None
        self._wake.set()

    async def run(self) -> NoReturn:
        """Refresh marked users until cancelled, again and again while the database is down."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._marked:
                # A user who is marked during the read is read again.
                users = list(self._marked)[:MAX_USERS]
                for user_id in users:
                    del self._marked[user_id]
                try:
                    await self._refresh(users)
                except (GymlockerError, PostgresError) as error:
                    # The worker would end otherwise. A database that has just become a standby
                    # raises errors that are not Unavailable.
                    reason = error.reason if isinstance(error, GymlockerError) else error.sqlstate
                    _log.warning("refresh_deferred", reason=reason)
                    self._marked |= dict.fromkeys(users)
                    await asyncio.sleep(RETRY_SECONDS * random.uniform(1, 2))


class Healing:
    """A job that refreshes all users: rarely while hints arrive, else every second."""

    def __init__(
        self,
        hints: Liveness,
        heal: Callable[[], Awaitable[None]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.wake = asyncio.Event()
        self._hints = hints
        self._heal = heal
        self._clock = clock
        self._healed = clock()
        self._is_due = False

    def missed(self) -> None:
        """Refresh all users at once, since hints may have been lost."""
        self._is_due = True
        self.wake.set()

    async def __call__(self) -> None:
        """Refresh all users if it is time."""
        pause = HEAL_SECONDS if self._hints.is_live else POLL_SECONDS
        if self._is_due or self._clock() - self._healed >= pause:
            self._is_due = False
            self._healed = self._clock()
            try:
                await self._heal()
            except Exception:
                # What was missed is still missing.
                self._is_due = True
                raise
