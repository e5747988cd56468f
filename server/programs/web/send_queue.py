"""What waits to be sent to one client, in order and within bounds."""

import asyncio
from collections import deque
from dataclasses import dataclass


class Overflow(Exception):
    """The client reads more slowly than it is told things."""


@dataclass
class _Item:
    record: str
    size: int
    about: object


class Outbox:
    """Records that wait. Of growing messages about the same thing, the newest alone waits."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._items: deque[_Item] = deque()
        self._growing: dict[object, _Item] = {}
        self._changed = asyncio.Event()
        self._closed = False

    def put(self, record: str, about: object = None) -> None:
        """Adds a record; it takes the place of one `about` the same that was not sent yet.

        Raises Overflow if too much waits already.
        """
        if self._closed:
            return
        size = len(record.encode())
        if about is not None and (item := self._growing.get(about)):
            self._bytes += size - item.size
            item.record, item.size = record, size
            return
        if self._bytes > self._max_bytes:
            raise Overflow
        item = _Item(record, size, about)
        self._bytes += size
        self._items.append(item)
        if about is not None:
            self._growing[about] = item
        self._changed.set()

    async def get(self) -> str | None:
        """The next record, once there is one; None when there will be none any more."""
        while not self._items:
            if self._closed:
                return None
            self._changed.clear()
            await self._changed.wait()
        item = self._items.popleft()
        self._bytes -= item.size
        self._growing.pop(item.about, None)
        return item.record

    def close(self, last: str | None = None) -> None:
        """Takes nothing any more, after `last`."""
        if last is not None and not self._closed:
            self._items.append(_Item(last, 0, None))
        self._closed = True
        self._changed.set()

    def drop(self) -> None:
        """Forgets what waits."""
        self._items.clear()
        self._growing.clear()
        self._bytes = 0
