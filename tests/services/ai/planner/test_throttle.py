"""Throttle of a stream of values."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from itertools import count

import pytest

from server.services.ai.planner.throttle import PAUSE_PER_WORK, throttled


class Source:
    """Source that yields three values at once and then waits for `proceed`."""

    def __init__(self) -> None:
        self.proceed = asyncio.Event()
        self.closed = False

    async def values(self, error: Exception | None = None) -> AsyncGenerator[int]:
        try:
            for value in (1, 2, 3):
                yield value
            await self.proceed.wait()
            if error:
                raise error
            yield 4
        finally:
            self.closed = True


class TestThrottled:
    async def test_skips_values_within_a_pause_and_yields_the_last_at_once(self) -> None:
        source = Source()
        source.proceed.set()
        assert [value async for value in throttled(source.values(), 1000)] == [4]

    async def test_holds_no_value_back_longer_than_a_pause(self) -> None:
        source = Source()
        async with aclosing(throttled(source.values(), 0.01)) as values:
            assert await anext(values) == 3
            source.proceed.set()
            assert [value async for value in values] == [4]

    async def test_pauses_longer_for_a_slow_consumer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # The consumer works 20 ms on each value.
        clock = count(0, 0.02)
        monkeypatch.setattr(
            "server.services.ai.planner.throttle.time.thread_time", lambda: next(clock)
        )

        async def endless() -> AsyncGenerator[int]:
            for value in count():
                yield value
                await asyncio.sleep(0)

        loop = asyncio.get_running_loop()
        async with aclosing(throttled(endless(), 0)) as values:
            await anext(values)
            began = loop.time()
            await anext(values)
            assert loop.time() - began >= 0.02 * PAUSE_PER_WORK * 0.9

    async def test_yields_the_value_before_an_error(self) -> None:
        source = Source()
        source.proceed.set()
        values = throttled(source.values(ValueError("oops")), 1000)
        assert await anext(values) == 3
        with pytest.raises(ValueError, match="oops"):
            await anext(values)

    async def test_closing_closes_the_values(self) -> None:
        source = Source()
        async with aclosing(throttled(source.values(), 1000)) as values:
            await anext(values)
            assert not source.closed
        assert source.closed
        assert asyncio.all_tasks() == {asyncio.current_task()}
