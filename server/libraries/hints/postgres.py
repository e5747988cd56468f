"""Hints by PostgreSQL's LISTEN and NOTIFY.

NOTIFY takes a lock of the whole database until its transaction has committed. So hints are sent in
transactions of their own, which do not wait for the disk.
"""

import asyncio
import base64
import secrets
from collections.abc import Callable

import asyncpg
import structlog
from sqlalchemy import Text, bindparam, func, select

from server.errors import GymlockerError
from server.libraries.common.rate_limited_log import RateLimitedLog
from server.libraries.database.connect import connect
from server.libraries.database.pool import Database
from server.libraries.database.statement import Statement
from server.libraries.hints.transport import stay_connected

CHANNEL = "gymlocker_hints"
# PostgreSQL takes payloads of less than 8,000 bytes; base64 needs 4 for 3.
MAX_BYTES = 5_900
SEND_SECONDS = 3.0
SETUP_SECONDS = 3.0
# Pause between two checks that notifications arrive, and how long one may take.
CHECK_SECONDS = 5.0
HEAR_SECONDS = 3.0

_NOTIFY = Statement(
    select(
        # Hints need not survive a crash, and nobody should wait with the lock for the disk.
        func.set_config("synchronous_commit", "off", True),
        func.pg_notify(bindparam("channel", type_=Text), bindparam("payload", type_=Text)),
    ),
    seconds=SEND_SECONDS,
)

_log = structlog.get_logger("hints")
_limited = RateLimitedLog(_log)


class NotHeard(Exception):
    """A notification was sent, and did not arrive."""


class PostgresTransport:
    """LISTEN on a connection of its own, NOTIFY through the pool.

    Without a `url`, it only sends.
    """

    max_bytes = MAX_BYTES

    def __init__(self, database: Database, url: str | None) -> None:
        self._database = database
        self._url = url
        # Only this process listens there, to its own checks.
        self._own_channel = f"{CHANNEL}_{secrets.token_hex(8)}"
        self._has_advised = False

    async def send(self, data: bytes) -> None:
        """Send a message. Raises GymlockerError or asyncpg's errors."""
        await self._notify(CHANNEL, base64.b64encode(data).decode())

    async def listen(
        self, receive: Callable[[bytes], None], connected: Callable[[bool], None]
    ) -> None:
        """Pass messages to `receive` until cancelled, reconnecting by itself."""
        if self._url is None:
            raise ValueError("a transport without a URL only sends")
        url = self._url
        await stay_connected(lambda went_live: self._session(url, receive, went_live), connected)

    async def _session(
        self, url: str, receive: Callable[[bytes], None], went_live: Callable[[], None]
    ) -> None:
        """Listen on a new connection until it fails."""
        heard, ended = asyncio.Event(), asyncio.Event()
        connection = await connect(url, server_settings={"application_name": "gymlocker-hints"})
        try:
            connection.add_termination_listener(lambda _: ended.set())
            async with asyncio.timeout(SETUP_SECONDS):
                await connection.add_listener(
                    CHANNEL, lambda *message: _pass_on(message[-1], receive)
                )
                await connection.add_listener(self._own_channel, lambda *_: heard.set())
            await self._check_first(connection, heard)
            went_live()
            while not await _happens(ended, CHECK_SECONDS):
                await self._check(connection, heard)
            raise ConnectionResetError
        finally:
            connection.terminate()

    async def _check_first(self, connection: asyncpg.Connection, heard: asyncio.Event) -> None:
        """Check a new connection; advise if it is one on which notifications never arrive."""
        try:
            await self._check(connection, heard)
        except NotHeard:
            if not self._has_advised:
                self._has_advised = True
                _log.warning(
                    "hints_do_not_arrive",
                    advice="The database accepts LISTEN but its notifications do not arrive, as "
                    "behind a PgBouncer with pool_mode = transaction. Changes by other workers are "
                    "seen later. Set NATS_URL, or a DATABASE_URL with pool_mode = session.",
                )
            raise

    async def _check(self, connection: asyncpg.Connection, heard: asyncio.Event) -> None:
        """Raise an error unless a notification arrives.

        It is sent through the pool, for PgBouncer passes back what the connection itself sends and
        nothing else. A pool that is connected to another server, after a failover, is noticed, too.
        """
        heard.clear()
        try:
            await self._notify(self._own_channel, "")
        except GymlockerError:
            # The pool is busy, which says nothing about this connection.
            await connection.execute("SELECT 1", timeout=HEAR_SECONDS)
        else:
            if not await _happens(heard, HEAR_SECONDS):
                raise NotHeard

    async def _notify(self, channel: str, payload: str) -> None:
        await self._database.execute(_NOTIFY, channel=channel, payload=payload)


async def _happens(event: asyncio.Event, seconds: float) -> bool:
    """Check whether the event is set within some seconds."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False


def _pass_on(payload: object, receive: Callable[[bytes], None]) -> None:
    try:
        data = base64.b64decode(str(payload), validate=True)
    except ValueError:
        _limited.warning("malformed_hints", size=len(str(payload)))
        return
    receive(data)
