"""The sender of due pushes, beside the calls of a worker."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import structlog
from asyncpg import PostgresError

from server.errors import GymlockerError
from server.services.push.due_pushes import DuePushRepository
from server.services.push.model import DuePush
from server.services.push.pusher import Outcome, Pusher, Result

# What is due is looked for so often, and missed messages so often.
INTERVAL_SECONDS = 5.0
MISSED_SECONDS = 60.0
# Messages that arrive within it are announced together.
PAUSE_SECONDS = 0.2
MAX_IN_FLIGHT = 64
MAX_USERS = 10_000
# For messages that are committed while others are looked for.
OVERLAP = timedelta(minutes=1)
# Push services keep a push for as long.
MAX_MISSED = timedelta(days=1)

_log = structlog.get_logger("push")


class PushDispatcher:
    """Dispatcher of pushes. Several workers may run one each."""

    def __init__(
        self,
        queue: DuePushRepository,
        pusher: Pusher,
        count: Callable[[str], None],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue = queue
        self._pusher = pusher
        self._count = count
        self._monotonic = monotonic
        self._users: set[UUID] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._has_more = False
        self._looked: float | None = None
        # Set when there may be something to send.
        self.due = asyncio.Event()

    def wake(self, user_id: UUID) -> None:
        """Announce that a message was stored in a user's inbox. It costs nothing and never fails.

        Beyond 10,000 users at once, the next look for missed messages finds the message.
        """
        if len(self._users) < MAX_USERS:
            self._users.add(user_id)
            self.due.set()

    async def run(self) -> None:
        """Start all pushes that are due, as far as there is room for them."""
        await self._find_missed()
        while self._users:
            users, self._users = self._users, set()
            await self._queue.announce(users)
        await self._start()
        await asyncio.sleep(PAUSE_SECONDS)

    async def close(self) -> None:
        """Stop the pushes in flight. Another worker sends them when their lease has ended."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._pusher.close()

    async def _find_missed(self) -> None:
        now = self._monotonic()
        if self._looked is not None and now - self._looked < MISSED_SECONDS:
            return
        since = MAX_MISSED if self._looked is None else timedelta(seconds=now - self._looked)
        await self._queue.find_missed(min(since + OVERLAP, MAX_MISSED))
        self._looked = now

    async def _start(self) -> None:
        self._has_more = True
        while self._has_more and (free := MAX_IN_FLIGHT - len(self._tasks)):
            pushes, self._has_more = await self._queue.claim(free)
            for push in pushes:
                task = asyncio.create_task(self._send(push))
                self._tasks.add(task)
                task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._has_more:
            self.due.set()

    async def _send(self, push: DuePush) -> None:
        # Without the endpoint: who knows it can send pushes, and its host may tell whose it is.
        try:
            outcome = await self._pusher.push(push)
            self._count(outcome.result.value)
            await self._end(push, outcome)
        except GymlockerError as error:
            _log.warning("push_not_recorded", reason=error.reason)
        except PostgresError as error:
            _log.error("push_not_recorded", sqlstate=error.sqlstate)
        except Exception as error:
            _log.error("push_failed", error=type(error).__name__)

    async def _end(self, push: DuePush, outcome: Outcome) -> None:
        ends: dict[Result, Callable[[DuePush], Awaitable[None]]] = {
            Result.ACCEPTED: self._queue.succeed,
            Result.GONE: self._queue.forget,
            Result.REFUSED: self._queue.give_up,
            Result.FORBIDDEN: self._queue.give_up,
        }
        if outcome.result in ends:
            await ends[outcome.result](push)
        elif outcome.result is Result.POSTPONED:
            await self._queue.postpone(push, outcome.pause)
        else:
            await self._queue.retry(push, outcome.pause)
