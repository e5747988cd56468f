"""Removes what has expired, now and then, in small batches."""

import asyncio

import structlog
from asyncpg import PostgresError

from server.errors import Unavailable
from server.system.repository import SystemRepository

BATCH_ROWS = 500
# Between two batches, so that sweeping never takes the database for itself.
PAUSE_SECONDS = 0.05

_log = structlog.get_logger("sweeper")


async def sweep_forever(system: SystemRepository, *, interval_seconds: float) -> None:
    """Sweeps at once and then every `interval_seconds`, until cancelled."""
    while True:
        try:
            removed = await sweep(system)
        except Unavailable as error:
            _log.warning("sweep postponed", reason=error.reason)
        except PostgresError as error:
            # Calls can be served all the same.
            _log.error("sweep failed", error=type(error).__name__, sqlstate=error.sqlstate)
        else:
            if removed:
                _log.info("swept", removed=removed)
        await asyncio.sleep(interval_seconds)


async def sweep(system: SystemRepository) -> int:
    """Removes all that has expired; returns how many rows that were."""
    total = 0
    while removed := await system.sweep(BATCH_ROWS):
        total += removed
        await asyncio.sleep(PAUSE_SECONDS)
    return total
