"""Turns at something scarce."""

import asyncio
from contextvars import ContextVar

import pytest
from sqlalchemy import text

from server.libraries.database.fair_queue import FairQueue
from server.libraries.database.pool import Database
from server.libraries.database.statement import Statement

TIMEOUT = 30.0


async def test_a_free_place_is_had_at_once() -> None:
    turns = FairQueue(2)
    assert turns.take()
    assert turns.take()
    assert not turns.take()
    turns.release()
    assert turns.take()


async def test_callers_have_turns_however_long_their_queues_are() -> None:
    turns, order = FairQueue(1), []
    assert turns.take()

    async def wait(caller: str) -> None:
        await turns.wait(caller, TIMEOUT)
        order.append(caller)
        turns.release()

    async with asyncio.TaskGroup() as group:
        for caller in ("crowd", "crowd", "crowd", "crowd", "somebody", "else", "somebody"):
            group.create_task(wait(caller))
        await asyncio.sleep(0)
        assert turns.waiting == 7
        turns.release()
    assert order == ["crowd", "somebody", "else", "crowd", "somebody", "crowd", "crowd"]
    assert turns.waiting == 0
    assert turns.take()


async def test_who_has_waited_too_long_is_not_in_the_way() -> None:
    turns = FairQueue(1)
    assert turns.take()
    with pytest.raises(TimeoutError):
        await turns.wait("somebody", 0)
    turns.release()
    assert turns.take()
    assert not turns._queues


async def test_who_is_cancelled_as_their_turn_comes_leaves_the_place_to_the_next() -> None:
    turns = FairQueue(1)
    assert turns.take()
    first = asyncio.create_task(turns.wait("somebody", TIMEOUT))
    second = asyncio.create_task(turns.wait("somebody", TIMEOUT))
    await asyncio.sleep(0)
    turns.release()
    first.cancel()
    await second
    turns.release()
    assert turns.take()


async def test_who_was_cancelled_is_passed_over() -> None:
    turns = FairQueue(1)
    assert turns.take()
    first = asyncio.create_task(turns.wait("somebody", TIMEOUT))
    second = asyncio.create_task(turns.wait("else", TIMEOUT))
    await asyncio.sleep(0)
    first.cancel()
    turns.release()
    await second
    turns.release()
    assert turns.take()
    assert not turns._queues


async def test_a_crowd_that_hangs_up_at_once_takes_no_place_along() -> None:
    turns = FairQueue(1)
    assert turns.take()
    crowd = [asyncio.create_task(turns.wait("crowd", TIMEOUT)) for _ in range(1500)]
    await asyncio.sleep(0)
    for each in crowd:
        each.cancel()
    turns.release()
    await asyncio.gather(*crowd, return_exceptions=True)
    assert turns.take()


async def test_a_crowd_has_one_connection_in_turn_with_somebody_else(empty_database: str) -> None:
    name = ContextVar("name", default="")
    order: list[str] = []
    async with Database(empty_database, pool_size=1, caller=name.get) as database:

        async def call(caller: str) -> None:
            name.set(caller)
            await database.fetch(Statement(text("SELECT 1")))
            order.append(caller)

        async with asyncio.TaskGroup() as group:
            for caller in (*["crowd"] * 20, "somebody"):
                group.create_task(call(caller))
    assert order.index("somebody") <= 2
