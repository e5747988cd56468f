"""Hints by NATS, for databases whose LISTEN does not reach the workers.

The subject contains the identity of the database, so several databases may share a NATS server.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from urllib.parse import unquote, urlsplit

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error, NoServersError, SecureConnRequiredError
from sqlalchemy import select

from server.libraries.common.rate_limited_log import RateLimitedLog
from server.libraries.database.incarnation import no_incarnation
from server.libraries.database.pool import Database
from server.libraries.database.schema import incarnations
from server.libraries.database.statement import Statement
from server.libraries.hints.transport import stay_connected

SUBJECT = "gymlocker.hints"
# NATS takes 1 MiB, unless it is set to less.
MAX_BYTES = 32_000
CONNECT_SECONDS = 2
SEND_SECONDS = 3.0
# A connection without a reply for two pings is closed.
PING_SECONDS = 3

# Errors of a connection.
ERRORS = (OSError, Error)

_DATABASE_ID = Statement(select(incarnations.c.id))

_limited = RateLimitedLog(structlog.get_logger("hints"))


class NatsTransport:
    """Publishes to and subscribes at one of several NATS servers of a cluster."""

    max_bytes = MAX_BYTES

    def __init__(self, urls: Sequence[str], database: Database) -> None:
        self._urls = urls
        self._database = database
        self._subject: str | None = None
        # The client that listens, while it is connected.
        self._client: Client | None = None

    async def send(self, data: bytes) -> None:
        """Send a message, on a new connection if none listens. Raises any error."""
        async with asyncio.timeout(SEND_SECONDS):
            subject = await self._find_subject()
            if self._client is not None:
                await _publish(self._client, subject, data)
                return
            async with connected_to(self._urls) as client:
                await _publish(client, subject, data)

    async def listen(
        self, receive: Callable[[bytes], None], connected: Callable[[bool], None]
    ) -> None:
        """Pass messages to `receive` until cancelled, reconnecting by itself."""
        await stay_connected(lambda went_live: self._session(receive, went_live), connected)

    async def _session(
        self, receive: Callable[[bytes], None], went_live: Callable[[], None]
    ) -> None:
        """Listen on a new connection until it ends."""
        ended = asyncio.Event()
        subject = await self._find_subject()

        async def pass_on(message: Msg) -> None:
            receive(message.data)

        async with connected_to(self._urls, ended) as client:
            await client.subscribe(subject, cb=pass_on)
            # Hints count as arriving once the server has confirmed the subscription.
            await client.flush(CONNECT_SECONDS)
            if ended.is_set():
                raise PermissionError
            self._client = client
            try:
                went_live()
                await ended.wait()
                raise ConnectionResetError
            finally:
                self._client = None

    async def _find_subject(self) -> str:
        if self._subject is None:
            row = await self._database.fetch_one(_DATABASE_ID)
            if row is None:
                raise no_incarnation()
            self._subject = f"{SUBJECT}.{row['id'].hex}"
        return self._subject


@asynccontextmanager
async def connected_to(
    urls: Sequence[str], ended: asyncio.Event | None = None
) -> AsyncIterator[Client]:
    """Connect to one of the servers, and disconnect after use.

    Set `ended` when the connection ends. Raise the error of the last server if none can be used.
    """
    client = await _connect_to_any(random.sample(urls, len(urls)), ended or asyncio.Event())
    try:
        yield client
    finally:
        await _close(client)


async def _connect_to_any(urls: Sequence[str], ended: asyncio.Event) -> Client:
    *others, last = urls
    for url in others:
        try:
            return await _connect(url, ended)
        except ERRORS:
            continue
    return await _connect(last, ended)


async def _connect(url: str, ended: asyncio.Event) -> Client:
    """Connect to one server, without the library's reconnects, which end after some errors."""
    parts = urlsplit(url)
    seen: list[Exception] = []

    async def note(error: Exception) -> None:
        seen.append(error)
        if client.is_connected:
            # Such as a subscription that is not permitted, after which nothing arrives.
            _limited.warning("nats_error", error=type(error).__name__)
            ended.set()

    async def end() -> None:
        ended.set()

    client = _TlsClient(require_tls=parts.scheme == "tls")
    # The library does not decode user names and passwords in URLs.
    name, password = _decoded(parts.username), _decoded(parts.password)
    try:
        async with asyncio.timeout(2 * CONNECT_SECONDS):
            await client.connect(
                f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}",
                name="gymlocker",
                user=name if password is not None else None,
                password=password,
                token=name if password is None else None,
                error_cb=note,
                closed_cb=end,
                allow_reconnect=False,
                connect_timeout=CONNECT_SECONDS,
                max_reconnect_attempts=1,
                ping_interval=PING_SECONDS,
                max_outstanding_pings=1,
                no_echo=True,
            )
    except BaseException as error:
        await _close(client)
        if isinstance(error, NoServersError) and seen:
            raise seen[-1] from error
        raise
    # Set when a first attempt was closed.
    ended.clear()
    return client


def _decoded(text: str | None) -> str | None:
    return unquote(text) if text is not None else None


async def _close(client: Client) -> None:
    """Close a connection, whose server may hang or be gone."""
    with suppress(TimeoutError, *ERRORS):
        async with asyncio.timeout(CONNECT_SECONDS):
            await client.close()


async def _publish(client: Client, subject: str, data: bytes) -> None:
    await client.publish(subject, data)
    await client.flush(CONNECT_SECONDS)


class _TlsClient(Client):
    """A client that sends no password in plain text to a server of a tls:// URL.

    The library leaves it to the server whether a connection is encrypted, and so to anyone between.
    """

    def __init__(self, *, require_tls: bool) -> None:
        super().__init__()
        self._require_tls = require_tls

    def _connect_command(self) -> bytes:
        if self._require_tls and not self._server_info.get("tls_required"):
            raise SecureConnRequiredError
        return super()._connect_command()
