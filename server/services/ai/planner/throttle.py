"""What changes quickly, told slowly."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

T = TypeVar("T")


# Whoever is told something takes at the most one part in so many of the time, and for so many
# seconds they are told nothing at the most.
SHARE = 10
MAX_PAUSE = 1.0


async def throttled(values: AsyncGenerator[T], pause: float) -> AsyncGenerator[T]:
    """The newest of `values`, at the most every `pause` seconds, and the last at once.

    More rarely if it is much work for whoever is told, so that others get to theirs. None is held
    back for longer, even if no other follows. Values are taken in also while whoever is told does
    nothing. To be closed (`aclosing`), which closes `values`.
    """
    newest: list[T] = []
    some = asyncio.Event()

    async def read() -> None:
        try:
            async with aclosing(values):
                async for value in values:
                    newest[:] = [value]
                    some.set()
        finally:
            some.set()

    reading = asyncio.create_task(read())
    try:
        while not reading.done() or newest:
            await some.wait()
            began = time.thread_time()
            if newest:
                yield newest.pop()
            if not reading.done():
                some.clear()
                work = time.thread_time() - began
                wait = max(pause, min(SHARE * work, MAX_PAUSE))
                await asyncio.wait({reading}, timeout=wait)
        # Raises what was wrong with a value.
        reading.result()
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
