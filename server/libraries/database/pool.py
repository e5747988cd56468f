"""The connections to PostgreSQL: one pool a worker, one transaction a call.

A feature's repository gives a `Statement` to `fetch`, `fetch_one` or `execute`, which run it as a
transaction of its own. Few things need more than one statement; those use `transact`.

Whatever stands between us and the database becomes an error that says so (refusal.py). A call has
one time limit for all that it does here. A statement that lost its connection is not repeated, for
it may have been committed.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Self, TypeAlias, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from asyncpg.transaction import Transaction

from server.errors import GymlockerError
from server.libraries.common.periodic import repeat
from server.libraries.database.asyncpg_pool import make_pool
from server.libraries.database.errors import (
    LOST_RACE,
    REFUSALS,
    is_disk_full,
    is_read_only,
    not_now,
    refusal,
)
from server.libraries.database.fair_queue import FairQueue
from server.libraries.database.statement import CALL_SECONDS, Statement

Result = TypeVar("Result")
Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"
# Something to do with a connection, within so many seconds.
Action: TypeAlias = Callable[[Connection, float], Awaitable[Result]]

# How long a call waits for one of the pool's connections before it is turned away.
ACQUIRE_SECONDS = 4.0
# How long it may take to undo a transaction that failed, before its connection is given up.
UNDO_SECONDS = 1.0
# How long it is waited for connections that go back to the pool.
RETURN_SECONDS = 0.2
ATTEMPTS = 4
PAUSE_SECONDS = 0.02
CLOSE_SECONDS = 5
KEEP_SECONDS = 60
# After so long the connections may be renewed again, should the database still take no writes.
RENEWAL_SECONDS = 1.0


class Database:
    """A pool of connections to one PostgreSQL database.

    Who waits for one has a turn for each `caller` in turn: a crowd keeps nobody else waiting.
    `waited` is told for how many seconds each call waited for its connection. Calls that the
    database did not serve are counted in `unavailable`.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int,
        caller: Callable[[], str] = str,
        waited: Callable[[float], None] = lambda _: None,
    ) -> None:
        self.pool_size = pool_size
        self.unavailable = 0
        # Whether a statement found the disk full; who finds that it is not sets it back.
        self.disk_full = False
        # When somebody who was waited for had an answer.
        self.answered = 0.0
        # Connections that the next call may have at once. To get one from the pool, and to give it
        # back, takes a task and two timers: a tenth of a small call.
        self._kept: list[Connection] = []
        self._turns = FairQueue(pool_size)
        self._caller = caller
        self._waited = waited
        self._renewed = 0.0
        self._returns: set[asyncio.Task[None]] = set()
        self._pool = make_pool(url, pool_size)

    async def __aenter__(self) -> Self:
        """Opens the pool. It connects when first used: a database that is down is not an error."""
        await self._pool
        self._returning = asyncio.create_task(
            repeat(self._return_kept, name="return_connections", interval_seconds=KEEP_SECONDS)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Closes the connections."""
        self._returning.cancel()
        try:
            await self._return_kept()
            await asyncio.wait_for(self._pool.close(), timeout=CLOSE_SECONDS)
        except TimeoutError:
            self._pool.terminate()

    @property
    def waiting(self) -> int:
        """How many calls wait for a connection."""
        return self._turns.waiting

    @property
    def connections(self) -> int:
        """How many connections there are."""
        return self._pool.get_size()

    @property
    def idle_connections(self) -> int:
        """How many of them nobody uses."""
        return self._pool.get_idle_size() + sum(map(_is_open, self._kept))

    async def fetch(self, statement: Statement, **parameters: Any) -> list[asyncpg.Record]:
        """Runs `statement` in a transaction of its own; returns its rows."""
        arguments = statement.arguments(parameters)
        return await self._run(
            lambda connection, left: connection.fetch(statement.sql, *arguments, timeout=left),
            statement.seconds,
        )

    async def fetch_one(self, statement: Statement, **parameters: Any) -> asyncpg.Record | None:
        """Runs `statement` in a transaction of its own; returns its first row, if any."""
        arguments = statement.arguments(parameters)
        return await self._run(
            lambda connection, left: connection.fetchrow(statement.sql, *arguments, timeout=left),
            statement.seconds,
        )

    async def execute(self, statement: Statement, **parameters: Any) -> None:
        """Runs `statement` in a transaction of its own."""
        await self.fetch(statement, **parameters)

    async def transact(
        self,
        action: Callable[[Connection], Awaitable[Result]],
        *,
        seconds: float = CALL_SECONDS,
    ) -> Result:
        """Does `action` in a transaction, and again should it lose to another one.

        All of it together may take `seconds`.
        """

        async def in_transaction(connection: Connection, left: float) -> Result:
            transaction = connection.transaction()
            async with asyncio.timeout(left):
                try:
                    await transaction.start()
                    result = await action(connection)
                    await transaction.commit()
                except BaseException:
                    await _undo(connection, transaction)
                    raise
            return result

        return await self._run(in_transaction, seconds)

    async def renew_connections(self) -> None:
        """Has all connections made anew: another server may be the one that takes writes now."""
        now = time.monotonic()
        if now - self._renewed > RENEWAL_SECONDS:
            self._renewed = now
            await self._pool.expire_connections()
            await self._return_kept()

    async def _run(self, action: Action[Result], seconds: float) -> Result:
        deadline = time.monotonic() + seconds
        for attempt in range(1, ATTEMPTS + 1):
            try:
                if self._turns.take():
                    self._waited(0.0)
                else:
                    await self._turn(deadline)
                try:
                    return await self._attempt(action, deadline)
                finally:
                    self._turns.give_back()
            except LOST_RACE as error:
                if attempt == ATTEMPTS:
                    self.unavailable += 1
                    raise not_now("too much happened at once") from error
            except REFUSALS as error:
                raise await self._refused(error) from error
            # Not all at once again.
            await asyncio.sleep(random.uniform(0, attempt * PAUSE_SECONDS))
        raise AssertionError("the last attempt returns or raises")

    async def _attempt(self, action: Action[Result], deadline: float) -> Result:
        connection = self._take_kept() or await self._acquired(deadline)
        try:
            result = await action(connection, deadline - time.monotonic())
        except GymlockerError:
            # The action's own word: what it did is undone, and the connection as good as before.
            self._kept.append(connection)
            raise
        except BaseException:
            self._return(connection)
            raise
        self._kept.append(connection)
        if self.waiting:
            self.answered = time.monotonic()
        return result

    async def _turn(self, deadline: float) -> None:
        began = time.monotonic()
        try:
            await self._turns.wait(self._caller(), min(ACQUIRE_SECONDS, deadline - began))
        finally:
            self._waited(time.monotonic() - began)

    def _take_kept(self) -> "Connection | None":
        """A connection that is at hand, if one is: no coroutine, for most calls come this way."""
        if not self._kept or not _is_open(self._kept[-1]):
            return None
        return self._kept.pop()

    async def _acquired(self, deadline: float) -> Connection:
        """One of the pool's, which gets back those that the server has closed."""
        await self._return_kept()
        seconds = min(ACQUIRE_SECONDS, deadline - time.monotonic())
        return await self._pool.acquire(timeout=max(seconds, 0))

    async def _return_kept(self) -> None:
        """The pool closes those that were not used for long, and renews old ones."""
        if not self._kept:
            return
        kept, self._kept = self._kept, []
        # One that is closed says goodbye to its server, which may not listen.
        await asyncio.wait(map(self._return, kept), timeout=RETURN_SECONDS)

    def _return(self, connection: Connection) -> asyncio.Task[None]:
        """Gives a connection back in the background: it may have a statement to cancel first."""
        task = asyncio.create_task(self._released(connection))
        self._returns.add(task)
        task.add_done_callback(self._returns.discard)
        return task

    async def _released(self, connection: Connection) -> None:
        # One that cannot say goodbye to its server is closed all the same.
        with suppress(*REFUSALS):
            await self._pool.release(connection)

    async def _refused(self, error: BaseException) -> GymlockerError:
        self.unavailable += 1
        self.disk_full = self.disk_full or is_disk_full(error)
        if is_read_only(error):
            await self.renew_connections()
        return refusal(error)


async def _undo(connection: Connection, transaction: Transaction) -> None:
    """Rolls back; a connection of which nobody knows whether it did is given up."""
    try:
        async with asyncio.timeout(UNDO_SECONDS):
            await transaction.rollback()
    except (*REFUSALS, asyncpg.PostgresError):
        connection.terminate()


def _is_open(connection: Connection) -> bool:
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:
        # The server has closed it, and the pool has taken it back.
        return False
