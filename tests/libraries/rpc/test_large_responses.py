"""LargeResponses: limits of networks, exclusive building, and when a response counts as read."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

import pytest

from server.errors import ResourceExhausted, Unavailable
from server.libraries.network.grpc_protocol import ADDRESS_KEY, ORIGINAL_PATH_KEY
from server.libraries.rpc import large_responses
from server.libraries.rpc.context import current_metadata
from server.libraries.rpc.large_responses import (
    LARGE_BYTES,
    MAX_RESPONSE_BYTES,
    MAX_UNREAD_BYTES,
    MIB,
    READ_BYTES_PER_SECOND,
    LargeResponses,
)
from tests.libraries.rpc.fakes import FakeContext

CONTEXT = FakeContext().context
LIMIT = 10 * MIB


@contextmanager
def calling_from(address: str, *metadata: tuple[str, str]) -> Iterator[None]:
    """Run the block as a call from an address."""
    token = current_metadata.set(((ADDRESS_KEY, address), *metadata))
    yield
    current_metadata.reset(token)


class Call:
    """A call whose response is unread until the call ends."""

    def __init__(self, responses: LargeResponses, size: int, address: str, **metadata: str) -> None:
        self._read = asyncio.Event()
        self.held: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        with calling_from(address, *metadata.items()):
            self._task = asyncio.create_task(self._run(responses, size))

    async def _run(self, responses: LargeResponses, size: int) -> None:
        self.held.set_result(responses.hold(CONTEXT, size, always=False))
        await self._read.wait()

    async def end(self) -> None:
        self._read.set()
        await self._task
        await asyncio.sleep(0)  # lets its done callbacks run


@pytest.fixture
def responses(monkeypatch: pytest.MonkeyPatch) -> LargeResponses:
    monkeypatch.setattr(large_responses, "TIMEOUT_SECONDS", 0.05)
    return LargeResponses(per_network=LIMIT)


async def rejected(wait: Callable[[], Awaitable[Any]]) -> None:
    with pytest.raises(Unavailable) as caught:
        await wait()
    assert (caught.value.reason, caught.value.retry_after) == ("OVERLOADED", 5)


async def acquired(
    responses: LargeResponses, size: int = LARGE_BYTES, address: str = "192.0.2.1"
) -> int:
    with calling_from(address):
        async with responses.acquire(CONTEXT, size) as room:
            return room


async def test_limits_the_unread_responses_of_a_network(responses: LargeResponses) -> None:
    first = Call(responses, LIMIT - MIB, "192.0.2.1")
    assert await first.held
    second = Call(responses, 2 * MIB, "192.0.2.1")
    assert not await second.held
    elsewhere = Call(responses, 2 * MIB, "192.0.2.2")
    assert await elsewhere.held
    await first.end()
    third = Call(responses, 2 * MIB, "192.0.2.1")
    assert await third.held
    for call in (second, third, elsewhere):
        await call.end()
    assert not responses.are_unread()


async def test_call_waits_while_its_network_is_at_its_limit(responses: LargeResponses) -> None:
    unread = Call(responses, LIMIT, "192.0.2.1")
    assert await unread.held
    with calling_from("192.0.2.2"):
        await responses.wait_for_room(CONTEXT)
    with calling_from("192.0.2.1"):
        await rejected(lambda: responses.wait_for_room(CONTEXT))
        waiting = asyncio.create_task(responses.wait_for_room(CONTEXT))
    await unread.end()
    await waiting


async def test_single_response_may_exceed_the_limit_of_a_network(responses: LargeResponses) -> None:
    call = Call(responses, MAX_RESPONSE_BYTES, "192.0.2.1")
    assert await call.held
    await call.end()


async def test_limits_the_unread_responses_of_all_networks(responses: LargeResponses) -> None:
    calls = [
        Call(responses, LIMIT, f"192.0.2.{number}") for number in range(MAX_UNREAD_BYTES // LIMIT)
    ]
    assert all([await call.held for call in calls])
    late = Call(responses, LIMIT, "192.0.2.99")
    assert not await late.held
    for call in (*calls, late):
        await call.end()


async def test_counts_but_never_rejects_calls_with_side_effects(responses: LargeResponses) -> None:
    with calling_from("192.0.2.1"):
        for _ in range(2):
            assert responses.hold(CONTEXT, LIMIT, always=True)


async def test_transcoded_response_counts_for_its_reading_time() -> None:
    responses = LargeResponses(per_network=LIMIT)
    size = READ_BYTES_PER_SECOND // 20
    started = asyncio.get_running_loop().time()
    for _ in range(2):
        call = Call(responses, size, "192.0.2.1", **{ORIGINAL_PATH_KEY: "/events"})
        assert await call.held
        await call.end()
    assert responses.are_unread()
    while responses.are_unread():
        await asyncio.sleep(0.01)
    # The second is read after the first.
    assert asyncio.get_running_loop().time() - started >= 0.1


async def test_builds_large_responses_one_at_a_time(responses: LargeResponses) -> None:
    async with AsyncExitStack() as stack:
        with calling_from("192.0.2.2"):
            await stack.enter_async_context(responses.acquire(CONTEXT))
        await rejected(lambda: acquired(responses))
        waiting = asyncio.create_task(acquired(responses))
        cancelled = asyncio.create_task(acquired(responses))
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.wait([cancelled])
    assert await waiting == MAX_RESPONSE_BYTES


async def test_unread_response_does_not_block_other_networks(responses: LargeResponses) -> None:
    unread = Call(responses, LIMIT - MIB, "192.0.2.1")
    assert await unread.held
    await rejected(lambda: acquired(responses))
    assert await acquired(responses, address="192.0.2.2") == MAX_UNREAD_BYTES - LIMIT + MIB
    await unread.end()


async def test_rejects_a_response_above_the_maximum(responses: LargeResponses) -> None:
    with pytest.raises(ResourceExhausted) as error:
        await acquired(responses, MAX_RESPONSE_BYTES + 1)
    assert error.value.reason == "REPLY_TOO_LARGE"
