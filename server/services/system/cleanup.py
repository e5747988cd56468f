"""Removal of expired rows, in small batches."""

import asyncio

import structlog

from server.services.system.repository import SystemRepository

BATCH_ROWS = 500
# Between two batches, so that a sweep does not monopolize the database.
PAUSE_SECONDS = 0.05

_log = structlog.get_logger("sweeper")


async def sweep(system: SystemRepository) -> int:
    """Remove all expired rows; return their number."""
    total = 0
    while removed := await system.sweep(BATCH_ROWS):
        total += removed
        await asyncio.sleep(PAUSE_SECONDS)
    if total:
        _log.info("swept", removed=total)
    return total
