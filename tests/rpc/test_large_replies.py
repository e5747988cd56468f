"""LargeReplies: one at a time, and nobody waits for ever."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from server.errors import Unavailable
from server.rpc import large_replies
from server.rpc.large_replies import LargeReplies


@dataclass
class Call:
    """A call's context, of which only its end counts."""

    callbacks: list[Callable[[object], None]] = field(default_factory=list)

    def add_done_callback(self, callback: Callable[[object], None]) -> None:
        self.callbacks.append(callback)

    def end(self) -> None:
        for callback in self.callbacks:
            callback(self)


async def test_the_next_one_waits_until_the_first_has_ended() -> None:
    replies, first, second = LargeReplies(), Call(), Call()
    await replies.wait_for_turn(first)
    waiting = asyncio.create_task(replies.wait_for_turn(second))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    first.end()
    await waiting
    second.end()
    await replies.wait_for_turn(Call())


async def test_who_waits_too_long_may_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_replies, "PATIENCE_SECONDS", 0.01)
    replies, first = LargeReplies(), Call()
    await replies.wait_for_turn(first)
    with pytest.raises(Unavailable) as late:
        await replies.wait_for_turn(Call())
    assert late.value.reason == "OVERLOADED"
    first.end()
    await replies.wait_for_turn(Call())


async def test_who_hangs_up_while_waiting_has_no_turn() -> None:
    replies, first = LargeReplies(), Call()
    await replies.wait_for_turn(first)
    waiting = asyncio.create_task(replies.wait_for_turn(Call()))
    await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.wait([waiting])
    first.end()
    await replies.wait_for_turn(Call())
