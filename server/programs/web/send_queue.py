"""A bounded queue of records for one client."""

import asyncio
from collections import deque
from dataclasses import dataclass


class Overflow(Exception):
    """The client reads too slowly: the queue is full."""


@dataclass
class _Item:
    record: str
    size: int
    key: object


class SendQueue:
    """Records to be sent, in order.

    A growing message is put repeatedly under the same key; only its latest record is kept.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._items: deque[_Item] = deque()
        self._by_key: dict[object, _Item] = {}
        self._changed = asyncio.Event()
        self._closed = False

    def put(self, record: str, key: object = None) -> None:
        """Add a record, in the place of an unsent one with the same `key`.

        Raises Overflow if the queue is full.
        """
        if self._closed:
            return
        size = len(record.encode())
        if key is not None and (item := self._by_key.get(key)):
            self._bytes += size - item.size
            item.record, item.size = record, size
            return
        if self._bytes > self._max_bytes:
            raise Overflow
        item = _Item(record, size, key)
        self._bytes += size
        self._items.append(item)
        if key is not None:
            self._by_key[key] = item
        self._changed.set()

    async def get(self) -> str | None:
        """Wait for the next record and return it; None once the queue is closed and empty."""
        while not self._items:
            if self._closed:
                return None
            self._changed.clear()
            await self._changed.wait()
        item = self._items.popleft()
        self._bytes -= item.size
        self._by_key.pop(item.key, None)
        return item.record

    def close(self, last: str | None = None) -> None:
        """Append `last`, then accept no more records."""
        if last is not None and not self._closed:
            self._items.append(_Item(last, 0, None))
        self._closed = True
        self._changed.set()

    def clear(self) -> None:
        """Discard all queued records."""
        self._items.clear()
        self._by_key.clear()
        self._bytes = 0
