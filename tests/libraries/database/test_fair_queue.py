"""The fair queue of callers for a limited resource."""

import asyncio
from contextvars import ContextVar

import pytest
from sqlalchemy import text

from server.libraries.database.fair_queue import FairQueue
from server.libraries.database.pool import Database
from server.libraries.database.statement import Statement

TIMEOUT = 30.0


class TestFairQueue:
    async def test_takes_free_place_at_once(self) -> None:
        queue = FairQueue(2)
        assert queue.take()
        assert queue.take()
        assert not queue.take()
        queue.release()
        assert queue.take()

    async def test_alternates_between_callers(self) -> None:
        queue, order = FairQueue(1), []
        assert queue.take()

        async def wait(caller: str) -> None:
            await queue.wait(caller, TIMEOUT)
            order.append(caller)
            queue.release()

        async with asyncio.TaskGroup() as group:
            for caller in ("many", "many", "many", "many", "first", "second", "first"):
                group.create_task(wait(caller))
            await asyncio.sleep(0)
            assert queue.waiting == 7
            queue.release()
        assert order == ["many", "first", "second", "many", "first", "many", "many"]
        assert queue.waiting == 0
        assert queue.take()

    async def test_times_out_and_leaves_queue(self) -> None:
        queue = FairQueue(1)
        assert queue.take()
        with pytest.raises(TimeoutError):
            await queue.wait("few", 0)
        queue.release()
        assert queue.take()
        assert not queue._queues

    async def test_cancelled_caller_passes_place_on(self) -> None:
        queue = FairQueue(1)
        assert queue.take()
        first = asyncio.create_task(queue.wait("few", TIMEOUT))
        second = asyncio.create_task(queue.wait("few", TIMEOUT))
        await asyncio.sleep(0)
        queue.release()
        first.cancel()
        await second
        queue.release()
        assert queue.take()

    async def test_skips_cancelled_caller(self) -> None:
        queue = FairQueue(1)
        assert queue.take()
        first = asyncio.create_task(queue.wait("few", TIMEOUT))
        second = asyncio.create_task(queue.wait("other", TIMEOUT))
        await asyncio.sleep(0)
        first.cancel()
        queue.release()
        await second
        queue.release()
        assert queue.take()
        assert not queue._queues

    async def test_many_cancelled_callers_free_their_places(self) -> None:
        queue = FairQueue(1)
        assert queue.take()
        waiting = [asyncio.create_task(queue.wait("many", TIMEOUT)) for _ in range(1500)]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        queue.release()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert queue.take()


class TestDatabase:
    async def test_alternates_between_callers_for_one_connection(self, empty_database: str) -> None:
        name = ContextVar("name", default="")
        order: list[str] = []
        async with Database(empty_database, pool_size=1, caller=name.get) as database:

            async def call(caller: str) -> None:
                name.set(caller)
                await database.fetch(Statement(text("SELECT 1")))
                order.append(caller)

            async with asyncio.TaskGroup() as group:
                for caller in (*["many"] * 20, "few"):
                    group.create_task(call(caller))
        assert order.index("few") <= 2
