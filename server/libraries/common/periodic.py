"""Work that is done again and again beside the calls."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

import structlog
from asyncpg import PostgresError

from server.errors import GymlockerError

_log = structlog.get_logger("background")


async def repeat(
    work: Callable[[], Awaitable[object]], *, name: str, interval_seconds: float
) -> NoReturn:
    """Does `work` at once and then every `interval_seconds`, until cancelled.

    What the database says against it is logged: calls can be served all the same.
    """
    while True:
        try:
            await work()
        except GymlockerError as error:
            _log.warning("job_deferred", work=name, reason=error.reason)
        except PostgresError as error:
            _log.error("failed", work=name, error=type(error).__name__, sqlstate=error.sqlstate)
        await asyncio.sleep(interval_seconds)
