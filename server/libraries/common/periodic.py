"""Periodic jobs beside the calls."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NoReturn

import structlog
from asyncpg import PostgresError

from server.errors import GymlockerError

_log = structlog.get_logger("background")


async def repeat(
    job: Callable[[], Awaitable[object]],
    *,
    name: str,
    interval_seconds: float,
    wake: asyncio.Event | None = None,
) -> NoReturn:
    """Run `job` at once and then every `interval_seconds`, until cancelled.

    It also runs when `wake` is set. Errors of the database are logged: calls can be served all the
    same.
    """
    wake = wake or asyncio.Event()
    while True:
        wake.clear()
        try:
            await job()
        except GymlockerError as error:
            _log.warning("job_deferred", job=name, reason=error.reason)
        except PostgresError as error:
            _log.error("job_failed", job=name, error=type(error).__name__, sqlstate=error.sqlstate)
        with suppress(TimeoutError):
            async with asyncio.timeout(interval_seconds):
                await wake.wait()
