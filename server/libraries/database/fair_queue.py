"""Turns at something scarce: one for each caller, then the next for each."""

import asyncio
from collections import deque


class FairQueue:
    """So many places, and a line of each caller for them.

    A place that is given back goes to the callers in turn, however long the line of one is.
    `waiting` is how many wait.
    """

    def __init__(self, places: int) -> None:
        self.waiting = 0
        self._free = places
        # The first has the next turn.
        self._lines: dict[str, deque[asyncio.Future[None]]] = {}

    def take(self) -> bool:
        """Take a place if one is free."""
        if not self._free:
            return False
        self._free -= 1
        return True

    async def wait(self, caller: str, seconds: float) -> None:
        """Wait for a place. Raise TimeoutError after `seconds`."""
        place = asyncio.get_running_loop().create_future()
        self._lines.setdefault(caller, deque()).append(place)
        self.waiting += 1
        try:
            async with asyncio.timeout(seconds):
                await place
        except BaseException:
            if place.cancelled():
                self._leave(caller, place)
            else:
                # It came at the same moment.
                self.give_back()
            raise
        finally:
            self.waiting -= 1

    def give_back(self) -> None:
        """Give a place to who is next, if anybody waits."""
        while self._lines:
            caller = next(iter(self._lines))
            line = self._lines.pop(caller)
            place = line.popleft()
            if line:
                self._lines[caller] = line
            # Else its caller has gone, and has not been told yet.
            if not place.done():
                place.set_result(None)
                return
        self._free += 1

    def _leave(self, caller: str, place: asyncio.Future[None]) -> None:
        line = self._lines.get(caller, deque())
        if place in line:
            line.remove(place)
        if caller in self._lines and not line:
            del self._lines[caller]
