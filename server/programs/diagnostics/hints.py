"""A check whether workers hear of each other's changes at once."""

import asyncio
from urllib.parse import urlsplit

from server.errors import StartError
from server.libraries.database.connect import CONNECT_ERRORS, connect
from server.libraries.database.pool import Database
from server.libraries.hints.factory import make_transport
from server.libraries.settings import HintSettings, LocalSettings, Settings, load
from server.programs.diagnostics.finding import Finding, fault, ok, warning

SUBJECT = "hints"
# Longer than one attempt to connect and to hear a notification.
TIMEOUT = 8.0
NATS_ADVICE = "Check NATS_URL, and that its servers are running."


async def check_hints() -> list[Finding]:
    """Check NATS if it is set, else the database's notifications."""
    try:
        urls = load(HintSettings).nats_urls
        if urls:
            return await _nats(urls)
        if load(LocalSettings).database_url is None:
            return [ok(SUBJECT, "go through the database of `gymlocker up`")]
        return await _database(load(Settings).database_url)
    except StartError:
        return []  # reported with the settings


async def _nats(urls: list[str]) -> list[Finding]:
    from server.libraries.hints.nats import ERRORS, connected_to

    failed = []
    for url in urls:
        try:
            async with connected_to([url]):
                pass
        except ERRORS as error:
            host = urlsplit(url).netloc.rpartition("@")[2]
            failed.append(f"{host} ({type(error).__name__})")
    if not failed:
        return [ok(SUBJECT, "go through NATS, which responds")]
    text = f"NATS does not accept a connection: {', '.join(failed)}"
    if len(failed) < len(urls):
        return [warning(SUBJECT, text, NATS_ADVICE)]
    return [fault(SUBJECT, text, NATS_ADVICE)]


async def _database(url: str) -> list[Finding]:
    try:
        (await connect(url)).terminate()
    except CONNECT_ERRORS:
        return []  # reported with the database
    if await _arrive(url):
        return [ok(SUBJECT, "go through the database")]
    return [
        warning(
            SUBJECT,
            "do not arrive, as behind a PgBouncer with pool_mode = transaction: workers see "
            "changes by others later",
            "Set NATS_URL, or a DATABASE_URL with pool_mode = session.",
        )
    ]


async def _arrive(url: str) -> bool:
    """Check whether the database's notifications arrive."""
    arrived = asyncio.Event()
    async with Database(url, pool_size=1) as database:
        transport = make_transport(database, url)
        listening = asyncio.create_task(transport.listen(lambda _: None, lambda _: arrived.set()))
        try:
            async with asyncio.timeout(TIMEOUT):
                return await arrived.wait()
        except TimeoutError:
            return False
        finally:
            listening.cancel()
            await asyncio.wait([listening])
