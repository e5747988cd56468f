"""Ways to carry hints between workers."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import NoReturn, Protocol

import structlog

from server.libraries.common.rate_limited_log import RateLimitedLog

FIRST_PAUSE_SECONDS = 0.25
MAX_PAUSE_SECONDS = 15.0

_log = structlog.get_logger("hints")
_limited = RateLimitedLog(_log)


class HintTransport(Protocol):
    """A way to carry messages between workers on one database."""

    # The largest message.
    max_bytes: int

    async def send(self, data: bytes) -> None:
        """Send a message to all who listen. Raises any error; the message may be lost then."""

    async def listen(
        self, receive: Callable[[bytes], None], connected: Callable[[bool], None]
    ) -> None:
        """Pass messages to `receive` until cancelled, reconnecting by itself.

        `connected` is called when messages begin to arrive, and when they may be lost.
        """


async def stay_connected(
    session: Callable[[Callable[[], None]], Awaitable[None]], connected: Callable[[bool], None]
) -> NoReturn:
    """Run `session` again whenever it ends or fails, with growing pauses.

    It calls its argument when messages arrive for the first time, and may do so again.
    """
    pause = FIRST_PAUSE_SECONDS
    while True:
        is_live = False

        def went_live() -> None:
            nonlocal is_live, pause
            if not is_live:
                is_live, pause = True, FIRST_PAUSE_SECONDS
                _log.info("hints_arrive")
                connected(True)

        try:
            await session(went_live)
        # A worker serves without hints, only later.
        except Exception as error:
            _limited.warning("hints_interrupted", error=type(error).__name__)
        finally:
            if is_live:
                connected(False)
        # Jitter, so that all workers do not return at the same time.
        await asyncio.sleep(pause * random.uniform(0.5, 1))
        pause = min(2 * pause, MAX_PAUSE_SECONDS)
