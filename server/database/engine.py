"""The connections to PostgreSQL: one pool a worker, one transaction a call.

A feature's repository gives a `Statement` to `fetch`, `fetch_one` or `execute`, which run it as a
transaction of its own. Few things need more than one statement; those use `transact`.

Whatever stands between us and the database becomes `Unavailable`: the caller may try again. A
statement that lost its connection is not repeated, for it may have been committed.
"""

import asyncio
import datetime as dt
import random
import struct
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Self, TypeAlias, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from server.background import repeat
from server.database.statement import Statement
from server.errors import Unavailable

Result = TypeVar("Result")
Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"

CONNECT_SECONDS = 5
STATEMENT_SECONDS = 20
# How long a call waits for one of the pool's connections before it is turned away.
ACQUIRE_SECONDS = 5
# A transaction that lost to another one (SQLSTATE 40001, 40P01) was undone; it may be repeated.
ATTEMPTS = 4
PAUSE_SECONDS = 0.02
CLOSE_SECONDS = 5
KEEP_SECONDS = 60

# The day from which PostgreSQL counts.
_EPOCH = dt.date(2000, 1, 1).toordinal()

_LOST_RACE = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
_OUT_OF_REACH = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    # A call that comes between the server's last word on a connection and the end of it.
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ReadOnlySQLTransactionError,
)


class Database:
    """A pool of connections to one PostgreSQL database.

    `waited` is told for how many seconds each call waited for its connection. Calls that the
    database did not serve are counted in `unavailable`.
    """

    def __init__(
        self, url: str, *, pool_size: int, waited: Callable[[float], None] = lambda _: None
    ) -> None:
        self.pool_size = pool_size
        self.waiting = 0
        self.unavailable = 0
        # Connections that the next call may have at once. To get one from the pool, and to give it
        # back, takes a task and two timers: a tenth of a small call.
        self._kept: list[Connection] = []
        self._waited = waited
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
        return await self._run(lambda connection: connection.fetch(statement.sql, *arguments))

    async def fetch_one(self, statement: Statement, **parameters: Any) -> asyncpg.Record | None:
        """Runs `statement` in a transaction of its own; returns its first row, if any."""
        arguments = statement.arguments(parameters)
        return await self._run(lambda connection: connection.fetchrow(statement.sql, *arguments))

    async def execute(self, statement: Statement, **parameters: Any) -> None:
        """Runs `statement` in a transaction of its own."""
        await self.fetch(statement, **parameters)

    async def transact(self, action: Callable[[Connection], Awaitable[Result]]) -> Result:
        """Does `action` in a transaction, and again should it lose to another one."""

        async def in_transaction(connection: Connection) -> Result:
            async with connection.transaction():
                return await action(connection)

        return await self._run(in_transaction)

    async def _run(self, action: Callable[[Connection], Awaitable[Result]]) -> Result:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                connection = self._take_kept() or await self._acquired()
                try:
                    result = await action(connection)
                except BaseException:
                    await self._pool.release(connection)
                    raise
                if self.waiting:
                    await self._pool.release(connection)
                else:
                    self._kept.append(connection)
                return result
            except _LOST_RACE as error:
                if attempt == ATTEMPTS:
                    raise self._not_now("too much happened at once") from error
            except _OUT_OF_REACH as error:
                raise self._not_now("the database is out of reach") from error
            # Not all at once again.
            await asyncio.sleep(random.uniform(0, attempt * PAUSE_SECONDS))
        raise AssertionError("the last attempt returns or raises")

    def _take_kept(self) -> "Connection | None":
        """A connection that is at hand, if one is: no coroutine, for most calls come this way."""
        if not self._kept or not _is_open(self._kept[-1]):
            return None
        self._waited(0.0)
        return self._kept.pop()

    async def _acquired(self) -> Connection:
        """One of the pool's, which gets back those that the server has closed."""
        await self._return_kept()
        began = time.perf_counter()
        self.waiting += 1
        try:
            return await self._pool.acquire(timeout=ACQUIRE_SECONDS)
        finally:
            self.waiting -= 1
            self._waited(time.perf_counter() - began)

    async def _return_kept(self) -> None:
        """The pool closes those that were not used for long, and renews old ones."""
        while self._kept:
            # One that cannot say goodbye to its server is closed all the same.
            with suppress(*_OUT_OF_REACH):
                await self._pool.release(self._kept.pop())

    def _not_now(self, why: str) -> Unavailable:
        self.unavailable += 1
        return Unavailable(f"Try again in a moment: {why}.", reason="DATABASE_UNAVAILABLE")


def make_pool(url: str, size: int) -> asyncpg.Pool:
    """Asyncpg's pool, set up as we need it; to be opened with `async with` or `await`."""
    return asyncpg.create_pool(
        url,
        min_size=0,
        max_size=size,
        timeout=CONNECT_SECONDS,
        command_timeout=STATEMENT_SECONDS,
        init=_keep_dates,
        reset=_keep_as_it_is,
        server_settings={"application_name": "gymlocker"},
    )


def _is_open(connection: Connection) -> bool:
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:
        # The server has closed it, and the pool has taken it back.
        return False


async def _keep_dates(connection: asyncpg.Connection) -> None:
    """Stores the first and the last date that Python knows as these, not as an infinity."""
    await connection.set_type_codec(
        "date",
        schema="pg_catalog",
        format="binary",
        encoder=lambda date: struct.pack("!i", date.toordinal() - _EPOCH),
        decoder=lambda data: dt.date.fromordinal(struct.unpack("!i", data)[0] + _EPOCH),
    )


async def _keep_as_it_is(_: object) -> None:
    """Replaces asyncpg's reset on release, a round trip: nothing here leaves session state."""
