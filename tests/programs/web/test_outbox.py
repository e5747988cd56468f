"""What waits to be sent: in order, the newest alone, and not without end."""

import asyncio

import pytest

from server.programs.web.send_queue import Outbox, Overflow


async def drained(outbox: Outbox) -> list[str]:
    """All that waits."""
    outbox.close()
    found = []
    while (record := await outbox.get()) is not None:
        found.append(record)
    return found


async def test_what_is_newer_takes_the_place_of_what_was_not_sent() -> None:
    outbox = Outbox(1000)
    for record, about in (("a", "text"), ("p", "plan"), ("ab", "text"), ("x", None), ("y", None)):
        outbox.put(record, about)
    assert await drained(outbox) == ["ab", "p", "x", "y"]


async def test_what_was_sent_is_not_replaced() -> None:
    outbox = Outbox(1000)
    outbox.put("a", "text")
    assert await outbox.get() == "a"
    outbox.put("ab", "text")
    assert await outbox.get() == "ab"


async def test_there_is_a_limit_in_bytes() -> None:
    outbox = Outbox(10)
    outbox.put("äöüäöü")
    with pytest.raises(Overflow):
        outbox.put("a")
    assert await outbox.get() == "äöüäöü"
    outbox.put("a")


async def test_what_grows_does_not_add_up() -> None:
    outbox = Outbox(10)
    for length in range(9):
        outbox.put("a" * length, "text")
    outbox.put("b")
    assert await drained(outbox) == ["a" * 8, "b"]


async def test_after_the_last_there_is_nothing() -> None:
    outbox = Outbox(10)
    waiting = asyncio.create_task(outbox.get())
    await asyncio.sleep(0)
    outbox.close("last")
    outbox.put("late")
    assert [await waiting, await outbox.get()] == ["last", None]
