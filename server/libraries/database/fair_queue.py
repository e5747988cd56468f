"""A semaphore that serves callers round-robin."""

import asyncio
from collections import deque


class FairQueue:
    """A number of places, and a queue for each caller.

    A released place goes to the next caller, however long the queue of another one is. `waiting` is
    the length of all queues together.
    """

    def __init__(self, places: int) -> None:
        self.waiting = 0
        self._free = places
        # In the order of their turns.
        self._queues: dict[str, deque[asyncio.Future[None]]] = {}

    def take(self) -> bool:
        """Take a place if one is free; return whether it was."""
        if not self._free:
            return False
        self._free -= 1
        return True

    async def wait(self, caller: str, seconds: float) -> None:
        """Wait for a place. Raise TimeoutError after `seconds`."""
        place = asyncio.get_running_loop().create_future()
        self._queues.setdefault(caller, deque()).append(place)
        self.waiting += 1
        try:
            async with asyncio.timeout(seconds):
                await place
        except BaseException:
            if place.cancelled():
                self._leave(caller, place)
            else:
                # The place came at the same moment.
                self.release()
            raise
        finally:
            self.waiting -= 1

    def release(self) -> None:
        """Give a place to the next caller, if any waits."""
        while self._queues:
            caller = next(iter(self._queues))
            queue = self._queues.pop(caller)
            place = queue.popleft()
            if queue:
                self._queues[caller] = queue
            # A place that is done was cancelled; its waiter has not run yet.
            if not place.done():
                place.set_result(None)
                return
        self._free += 1

    def _leave(self, caller: str, place: asyncio.Future[None]) -> None:
        queue = self._queues.get(caller, deque())
        if place in queue:
            queue.remove(place)
        if caller in self._queues and not queue:
            del self._queues[caller]
