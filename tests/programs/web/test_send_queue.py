"""The queue of unsent records."""

import asyncio

import pytest

from server.programs.web.send_queue import Overflow, SendQueue


async def drained(queue: SendQueue) -> list[str]:
    """Close the queue and return its records."""
    queue.close()
    found = []
    while (record := await queue.get()) is not None:
        found.append(record)
    return found


async def test_replaces_unsent_record_with_same_key() -> None:
    queue = SendQueue(1000)
    for record, key in (("a", "text"), ("p", "plan"), ("ab", "text"), ("x", None), ("y", None)):
        queue.put(record, key)
    assert await drained(queue) == ["ab", "p", "x", "y"]


async def test_does_not_replace_sent_record() -> None:
    queue = SendQueue(1000)
    queue.put("a", "text")
    assert await queue.get() == "a"
    queue.put("ab", "text")
    assert await queue.get() == "ab"


async def test_overflows_beyond_limit() -> None:
    queue = SendQueue(10)
    queue.put("äöüäöü")
    with pytest.raises(Overflow):
        queue.put("a")
    assert await queue.get() == "äöüäöü"
    queue.put("a")


async def test_replaced_records_do_not_count() -> None:
    queue = SendQueue(10)
    for length in range(9):
        queue.put("a" * length, "text")
    queue.put("b")
    assert await drained(queue) == ["a" * 8, "b"]


async def test_returns_none_after_last_record() -> None:
    queue = SendQueue(10)
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.close("last")
    queue.put("late")
    assert [await waiting, await queue.get()] == ["last", None]
