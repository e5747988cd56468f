"""A loop with a clock that tests move, and a client that reads when a test lets it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from server.libraries.rpc import live_stream


@dataclass(eq=False)
class Timer:
    """A call at a time."""

    due: float
    callback: Callable[[], None]
    is_cancelled: bool = False

    def cancel(self) -> None:
        self.is_cancelled = True


class SteppedLoop:
    """The loop, as streams see it: its timers fire while `advance` is called."""

    def __init__(self) -> None:
        self._now = 0.0
        self.timers: list[Timer] = []
        self.create_future = asyncio.get_running_loop().create_future

    def time(self) -> float:
        return self._now

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(self._now + delay, callback)
        self.timers.append(timer)
        return timer

    async def advance(self, seconds: float) -> None:
        """Let time pass, and let tasks run after each timer."""
        end = self._now + seconds
        while due := [one for one in self.waiting() if one.due <= end]:
            timer = min(due, key=lambda one: one.due)
            self.timers.remove(timer)
            self._now = timer.due
            timer.callback()
            await settled()
        self._now = end

    def waiting(self) -> list[Timer]:
        """Return the timers that will fire."""
        return [one for one in self.timers if not one.is_cancelled]


def stepped_loop(monkeypatch: pytest.MonkeyPatch) -> SteppedLoop:
    """Give streams a loop with a clock of its own."""
    loop = SteppedLoop()
    fake = SimpleNamespace(**vars(asyncio) | {"get_running_loop": lambda: loop})
    monkeypatch.setattr(live_stream, "asyncio", fake)
    return loop


@dataclass
class Reader:
    """A client. A write waits until `pace` lets it through; without one, it does not wait."""

    messages: list[bytes] = field(default_factory=list)
    pace: asyncio.Semaphore | None = None

    async def write(self, message: bytes) -> None:
        if self.pace:
            await self.pace.acquire()
        self.messages.append(message)

    def stop(self) -> None:
        """Read nothing until `read` is called."""
        self.pace = asyncio.Semaphore(0)

    def read(self, number: int = 1000) -> None:
        """Read so many messages."""
        assert self.pace
        for _ in range(number):
            self.pace.release()


async def settled() -> None:
    """Let all tasks run until they wait."""
    for _ in range(10):
        await asyncio.sleep(0)
