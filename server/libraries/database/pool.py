"""The pool of PostgreSQL connections: one pool per worker, one transaction per call.

Repositories pass a `Statement` to `fetch`, `fetch_one` or `execute`, each of which is a transaction
of its own. The few operations of several statements use `transact`.

Failures of the connection or the server become domain errors (errors.py). One timeout covers
everything that a call does here. A statement whose connection broke is not retried, for it may have
been committed.
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
    CONFLICTS,
    SERVER_ERRORS,
    domain_error,
    is_disk_full,
    is_read_only,
    unavailable,
)
from server.libraries.database.fair_queue import FairQueue
from server.libraries.database.statement import CALL_SECONDS, Statement

Result = TypeVar("Result")
Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"
# Takes a connection and the seconds that are left.
Action: TypeAlias = Callable[[Connection, float], Awaitable[Result]]

# Timeout for getting a connection.
ACQUIRE_SECONDS = 4.0
# Timeout for a rollback; after it, the connection is closed.
UNDO_SECONDS = 1.0
# Timeout for returning idle connections to the pool.
RETURN_SECONDS = 0.2
ATTEMPTS = 4
PAUSE_SECONDS = 0.02
CLOSE_SECONDS = 5
KEEP_SECONDS = 60
# Shortest time between two renewals while the database stays read-only.
RENEWAL_SECONDS = 1.0


class Database:
    """A pool of connections to one PostgreSQL database.

    Waiting calls get connections round-robin by `caller`, so many calls of one do not delay those
    of another. `waited` gets the seconds that each call waited. `unavailable` counts the calls that
    the database did not serve.
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
        # Set when a statement finds the disk full; reset by the check that finds room.
        self.disk_full = False
        # Time of the last response while other calls were waiting.
        self.answered = 0.0
        # Connections for the next calls. To acquire one from asyncpg's pool and release it costs a
        # task and two timers: a tenth of a small call.
        self._kept: list[Connection] = []
        self._queue = FairQueue(pool_size)
        self._caller = caller
        self._waited = waited
        self._renewed = 0.0
        self._returns: set[asyncio.Task[None]] = set()
        self._pool = make_pool(url, pool_size)

    async def __aenter__(self) -> Self:
        """Open the pool. It connects on first use, so a database that is down is no error here."""
        await self._pool
        self._returning = asyncio.create_task(
            repeat(self._return_kept, name="return_connections", interval_seconds=KEEP_SECONDS)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        self._returning.cancel()
        try:
            await self._return_kept()
            await asyncio.wait_for(self._pool.close(), timeout=CLOSE_SECONDS)
        except TimeoutError:
            self._pool.terminate()

    @property
    def waiting(self) -> int:
        """Return how many calls wait for a connection."""
        return self._queue.waiting

    @property
    def connections(self) -> int:
        """Return how many connections are open."""
        return self._pool.get_size()

    @property
    def idle_connections(self) -> int:
        """Return how many open connections are idle."""
        return self._pool.get_idle_size() + sum(map(_is_open, self._kept))

    async def fetch(self, statement: Statement, **parameters: Any) -> list[asyncpg.Record]:
        """Run `statement` in a transaction of its own and return its rows."""
        arguments = statement.arguments(parameters)
        return await self._run(
            lambda connection, left: connection.fetch(statement.sql, *arguments, timeout=left),
            statement.seconds,
        )

    async def fetch_one(self, statement: Statement, **parameters: Any) -> asyncpg.Record | None:
        """Run `statement` in a transaction of its own and return its first row, if any."""
        arguments = statement.arguments(parameters)
        return await self._run(
            lambda connection, left: connection.fetchrow(statement.sql, *arguments, timeout=left),
            statement.seconds,
        )

    async def execute(self, statement: Statement, **parameters: Any) -> None:
        """Run `statement` in a transaction of its own."""
        await self.fetch(statement, **parameters)

    async def transact(
        self,
        action: Callable[[Connection], Awaitable[Result]],
        *,
        seconds: float = CALL_SECONDS,
    ) -> Result:
        """Run `action` in a transaction; retry it after a serialization failure or deadlock.

        `seconds` is the timeout for all attempts together.
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
        """Replace all connections: another server may be the writable one now."""
        now = time.monotonic()
        if now - self._renewed > RENEWAL_SECONDS:
            self._renewed = now
            await self._pool.expire_connections()
            await self._return_kept()

    async def _run(self, action: Action[Result], seconds: float) -> Result:
        deadline = time.monotonic() + seconds
        for attempt in range(1, ATTEMPTS + 1):
            try:
                if self._queue.take():
                    self._waited(0.0)
                else:
                    await self._wait(deadline)
                try:
                    return await self._attempt(action, deadline)
                finally:
                    self._queue.release()
            except CONFLICTS as error:
                if attempt == ATTEMPTS:
                    self.unavailable += 1
                    raise unavailable("too many conflicting transactions") from error
            except SERVER_ERRORS as error:
                raise await self._domain_error(error) from error
            # Jitter, so that the same transactions do not meet again.
            await asyncio.sleep(random.uniform(0, attempt * PAUSE_SECONDS))
        raise AssertionError("the last attempt returns or raises")

    async def _attempt(self, action: Action[Result], deadline: float) -> Result:
        connection = self._take_kept() or await self._acquire(deadline)
        try:
            result = await action(connection, deadline - time.monotonic())
        except GymlockerError:
            # Raised by the action itself: it is rolled back, and the connection is intact.
            self._kept.append(connection)
            raise
        except BaseException:
            self._return(connection)
            raise
        self._kept.append(connection)
        if self.waiting:
            self.answered = time.monotonic()
        return result

    async def _wait(self, deadline: float) -> None:
        began = time.monotonic()
        try:
            await self._queue.wait(self._caller(), min(ACQUIRE_SECONDS, deadline - began))
        finally:
            self._waited(time.monotonic() - began)

    def _take_kept(self) -> "Connection | None":
        """Return a kept connection, if there is one. No coroutine: most calls take this path."""
        if not self._kept or not _is_open(self._kept[-1]):
            return None
        return self._kept.pop()

    async def _acquire(self, deadline: float) -> Connection:
        """Acquire a connection of the pool, after returning those that the server has closed."""
        await self._return_kept()
        seconds = min(ACQUIRE_SECONDS, deadline - time.monotonic())
        return await self._pool.acquire(timeout=max(seconds, 0))

    async def _return_kept(self) -> None:
        """Return kept connections, for the pool closes idle ones and renews old ones."""
        if not self._kept:
            return
        kept, self._kept = self._kept, []
        # Closing a connection waits for the server, which may hang.
        await asyncio.wait(map(self._return, kept), timeout=RETURN_SECONDS)

    def _return(self, connection: Connection) -> asyncio.Task[None]:
        """Release a connection in the background: a statement may have to be cancelled first."""
        task = asyncio.create_task(self._release(connection))
        self._returns.add(task)
        task.add_done_callback(self._returns.discard)
        return task

    async def _release(self, connection: Connection) -> None:
        # A connection whose server is gone is closed all the same.
        with suppress(*SERVER_ERRORS):
            await self._pool.release(connection)

    async def _domain_error(self, error: BaseException) -> GymlockerError:
        self.unavailable += 1
        self.disk_full = self.disk_full or is_disk_full(error)
        if is_read_only(error):
            await self.renew_connections()
        return domain_error(error)


async def _undo(connection: Connection, transaction: Transaction) -> None:
    """Roll back, or close the connection if that is not confirmed in time."""
    try:
        async with asyncio.timeout(UNDO_SECONDS):
            await transaction.rollback()
    except (*SERVER_ERRORS, asyncpg.PostgresError):
        connection.terminate()


def _is_open(connection: Connection) -> bool:
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:
        # The server closed it, and the pool took it back.
        return False
