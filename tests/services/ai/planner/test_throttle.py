"""What changes quickly, told slowly."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from itertools import count

import pytest

from server.services.ai.planner.throttle import SHARE, throttled


class Counter:
    """Counts to three, at once, then does what it is told."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.closed = False

    async def values(self, error: Exception | None = None) -> AsyncGenerator[int]:
        try:
            for value in (1, 2, 3):
                yield value
            await self.go_on.wait()
            if error:
                raise error
            yield 4
        finally:
            self.closed = True


async def test_what_changes_within_a_pause_is_told_once_and_the_last_at_once() -> None:
    counter = Counter()
    counter.go_on.set()
    assert [value async for value in throttled(counter.values(), 1000)] == [4]


async def test_nothing_is_held_back_for_longer_than_a_pause() -> None:
    counter = Counter()
    async with aclosing(throttled(counter.values(), 0.01)) as values:
        assert await anext(values) == 3
        counter.go_on.set()
        assert [value async for value in values] == [4]


async def test_what_is_much_work_is_told_more_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    # Whoever is told something works for 20 ms.
    clock = count(0, 0.02)
    monkeypatch.setattr("server.services.ai.planner.throttle.time.thread_time", lambda: next(clock))

    async def endless() -> AsyncGenerator[int]:
        for value in count():
            yield value
            await asyncio.sleep(0)

    loop = asyncio.get_running_loop()
    async with aclosing(throttled(endless(), 0)) as values:
        await anext(values)
        began = loop.time()
        await anext(values)
        assert loop.time() - began >= 0.02 * SHARE * 0.9


async def test_what_came_before_an_error_is_told() -> None:
    counter = Counter()
    counter.go_on.set()
    values = throttled(counter.values(ValueError("oops")), 1000)
    assert await anext(values) == 3
    with pytest.raises(ValueError, match="oops"):
        await anext(values)


async def test_whoever_closes_it_closes_the_values() -> None:
    counter = Counter()
    async with aclosing(throttled(counter.values(), 1000)) as values:
        await anext(values)
        assert not counter.closed
    assert counter.closed
    assert asyncio.all_tasks() == {asyncio.current_task()}
