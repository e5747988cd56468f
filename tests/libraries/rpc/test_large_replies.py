"""LargeResponses: shares of networks, the turn of large replies, and when a reply is read."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

import pytest

from server.errors import ResourceExhausted, Unavailable
from server.libraries.rpc import large_responses
from server.libraries.rpc.context import ADDRESS_KEY, current_metadata
from server.libraries.rpc.large_responses import (
    LARGE_BYTES,
    MAX_REPLY_BYTES,
    MAX_UNREAD_BYTES,
    MIB,
    READ_BYTES_PER_SECOND,
    LargeResponses,
)
from tests.libraries.rpc.fakes import FakeContext

CONTEXT = FakeContext().context
SHARE = 10 * MIB


@contextmanager
def calling_from(address: str, *metadata: tuple[str, str]) -> Iterator[None]:
    """Makes what is done meanwhile a call from an address."""
    token = current_metadata.set(((ADDRESS_KEY, address), *metadata))
    yield
    current_metadata.reset(token)


class Call:
    """A call whose reply waits to be read until it is told otherwise."""

    def __init__(self, replies: LargeResponses, size: int, address: str, **metadata: str) -> None:
        self._read = asyncio.Event()
        self.held: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        with calling_from(address, *metadata.items()):
            self._task = asyncio.create_task(self._run(replies, size))

    async def _run(self, replies: LargeResponses, size: int) -> None:
        self.held.set_result(replies.hold(CONTEXT, size, always=False))
        await self._read.wait()

    async def end(self) -> None:
        self._read.set()
        await self._task
        await asyncio.sleep(0)  # for what is done when it has ended


@pytest.fixture
def replies(monkeypatch: pytest.MonkeyPatch) -> LargeResponses:
    monkeypatch.setattr(large_responses, "TIMEOUT_SECONDS", 0.05)
    return LargeResponses(per_network=SHARE)


async def refused(wait: Callable[[], Awaitable[Any]]) -> None:
    with pytest.raises(Unavailable) as late:
        await wait()
    assert (late.value.reason, late.value.retry_after) == ("OVERLOADED", 5)


async def turn(replies: LargeResponses, size: int = LARGE_BYTES, address: str = "192.0.2.1") -> int:
    with calling_from(address):
        async with replies.turn(CONTEXT, size) as room:
            return room


async def test_a_network_has_no_more_than_its_share(replies: LargeResponses) -> None:
    first = Call(replies, SHARE - MIB, "192.0.2.1")
    assert await first.held
    second = Call(replies, 2 * MIB, "192.0.2.1")
    assert not await second.held
    elsewhere = Call(replies, 2 * MIB, "192.0.2.2")
    assert await elsewhere.held
    await first.end()
    third = Call(replies, 2 * MIB, "192.0.2.1")
    assert await third.held
    for call in (second, third, elsewhere):
        await call.end()
    assert not replies.are_unread()


async def test_a_call_waits_while_its_network_has_its_share_unread(replies: LargeResponses) -> None:
    unread = Call(replies, SHARE, "192.0.2.1")
    assert await unread.held
    with calling_from("192.0.2.2"):
        await replies.wait_for_room(CONTEXT)
    with calling_from("192.0.2.1"):
        await refused(lambda: replies.wait_for_room(CONTEXT))
        waiting = asyncio.create_task(replies.wait_for_room(CONTEXT))
    await unread.end()
    await waiting


async def test_a_single_reply_may_be_larger_than_a_share(replies: LargeResponses) -> None:
    call = Call(replies, MAX_REPLY_BYTES, "192.0.2.1")
    assert await call.held
    await call.end()


async def test_all_networks_have_what_a_worker_has_memory_for(replies: LargeResponses) -> None:
    calls = [
        Call(replies, SHARE, f"192.0.2.{number}") for number in range(MAX_UNREAD_BYTES // SHARE)
    ]
    assert all([await call.held for call in calls])
    late = Call(replies, SHARE, "192.0.2.99")
    assert not await late.held
    for call in (*calls, late):
        await call.end()


async def test_what_was_changed_is_not_refused(replies: LargeResponses) -> None:
    with calling_from("192.0.2.1"):
        for _ in range(2):
            assert replies.hold(CONTEXT, SHARE, always=True)


async def test_a_transcoded_reply_counts_for_as_long_as_reading_it_takes() -> None:
    replies = LargeResponses(per_network=SHARE)
    size = READ_BYTES_PER_SECOND // 20
    started = asyncio.get_running_loop().time()
    for _ in range(2):
        call = Call(replies, size, "192.0.2.1", **{"x-envoy-original-path": "/events"})
        assert await call.held
        await call.end()
    assert replies.are_unread()
    while replies.are_unread():
        await asyncio.sleep(0.01)
    # One after the other.
    assert asyncio.get_running_loop().time() - started >= 0.1


async def test_large_replies_are_made_one_at_a_time(replies: LargeResponses) -> None:
    async with AsyncExitStack() as stack:
        with calling_from("192.0.2.2"):
            await stack.enter_async_context(replies.turn(CONTEXT))
        await refused(lambda: turn(replies))
        waiting = asyncio.create_task(turn(replies))
        given_up = asyncio.create_task(turn(replies))
        await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.wait([given_up])
    assert await waiting == MAX_REPLY_BYTES


async def test_an_unread_reply_keeps_nobody_from_making_one(replies: LargeResponses) -> None:
    unread = Call(replies, SHARE - MIB, "192.0.2.1")
    assert await unread.held
    await refused(lambda: turn(replies))
    assert await turn(replies, address="192.0.2.2") == MAX_UNREAD_BYTES - SHARE + MIB
    await unread.end()


async def test_no_reply_is_larger_than_there_is_memory_for(replies: LargeResponses) -> None:
    with pytest.raises(ResourceExhausted) as error:
        await turn(replies, MAX_REPLY_BYTES + 1)
    assert error.value.reason == "REPLY_TOO_LARGE"
