"""How late the event loop is: what every call waits for when something else takes its time."""

import asyncio
from collections.abc import Callable
from typing import NoReturn

INTERVAL_SECONDS = 0.25


async def measure_lag(observe: Callable[[float], None]) -> NoReturn:
    """Tells `observe` by how many seconds the loop woke us late, again and again."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + INTERVAL_SECONDS
        await asyncio.sleep(INTERVAL_SECONDS)
        observe(max(0.0, loop.time() - due))
