"""The lag of the event loop, which delays every call."""

import asyncio
from collections.abc import Callable
from typing import NoReturn

INTERVAL_SECONDS = 0.25


async def measure_lag(observe: Callable[[float], None]) -> NoReturn:
    """Measure the lag of the loop in seconds periodically and pass it to `observe`."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + INTERVAL_SECONDS
        await asyncio.sleep(INTERVAL_SECONDS)
        observe(max(0.0, loop.time() - due))
