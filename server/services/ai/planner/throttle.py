"""Throttle for a stream of values, of which only the latest matters."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

T = TypeVar("T")

# The pause after a value lasts at least this many times as long as the consumer worked on it, so
# that other tasks run in between, but no longer than MAX_PAUSE seconds because of that.
PAUSE_PER_WORK = 10
MAX_PAUSE = 1.0


async def throttled(values: AsyncGenerator[T], pause: float) -> AsyncGenerator[T]:
    """Yield the latest of `values` at most every `pause` seconds, and the last one at once.

    The pause is longer if the consumer works long on a value. A value is never held back for
    longer than a pause, even if no other follows. `values` are read while the consumer works.
    Close the generator (`aclosing`): that closes `values`.
    """
    latest: list[T] = []
    changed = asyncio.Event()

    async def read() -> None:
        try:
            async with aclosing(values):
                async for value in values:
                    latest[:] = [value]
                    changed.set()
        finally:
            changed.set()

    reader = asyncio.create_task(read())
    try:
        while not reader.done() or latest:
            await changed.wait()
            began = time.thread_time()
            if latest:
                yield latest.pop()
            if not reader.done():
                changed.clear()
                work = time.thread_time() - began
                timeout = max(pause, min(PAUSE_PER_WORK * work, MAX_PAUSE))
                await asyncio.wait({reader}, timeout=timeout)
        # Raises the error of `values`.
        reader.result()
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
