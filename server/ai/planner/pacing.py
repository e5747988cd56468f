"""What changes quickly, told slowly."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

T = TypeVar("T")


async def paced(values: AsyncGenerator[T], pause: float) -> AsyncGenerator[T]:
    """The newest of `values`, at the most every `pause` seconds, and the last at once.

    None is held back for longer, even if no other follows. To be closed (`aclosing`), which closes
    `values`.
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
            if newest:
                yield newest.pop()
            if not reading.done():
                some.clear()
                await asyncio.wait({reading}, timeout=pause)
        # Raises what was wrong with a value.
        reading.result()
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
