"""stop_signal: the first SIGINT or SIGTERM."""

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from server.libraries.common.signals import stop_signal


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Restore the signal handlers of the test process."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_returns_the_signal(number: signal.Signals) -> None:
    received = stop_signal()
    os.kill(os.getpid(), number)
    assert await asyncio.wait_for(received, 10) is number


async def test_ignores_later_signals() -> None:
    errors: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, error: errors.append(error))
    received = stop_signal()
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(os.getpid(), number)
    assert await received is signal.SIGTERM
    assert errors == []
