"""Conversions of many values that let other tasks run in between."""

import asyncio
from collections.abc import Callable, Iterable
from typing import TypeVar

Source = TypeVar("Source")
Result = TypeVar("Result")

# About 5 ms.
MAX_WEIGHT = 1_000


async def convert(
    values: Iterable[Source],
    function: Callable[[Source], Result],
    *,
    weight: Callable[[Source], int],
) -> list[Result]:
    """Return the results of `function`. Others run after each MAX_WEIGHT of `weight`."""
    results = []
    done = 0
    for value in values:
        results.append(function(value))
        done += weight(value)
        if done >= MAX_WEIGHT:
            done = 0
            await asyncio.sleep(0)
    return results
