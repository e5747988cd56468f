"""Deduplication of concurrent work: identical requests share one task."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Group = TypeVar("Group", bound=Hashable)
Result = TypeVar("Result")


class SingleFlight(Generic[Key, Group, Result]):
    """Shares tasks in flight, at most `max_per_group` for each group.

    Of these, one caller has at most `max_per_caller`, if callers are named.
    """

    def __init__(self, max_per_group: int, *, max_per_caller: int | None = None) -> None:
        self._max_per_group = max_per_group
        self._max_per_caller = max_per_caller or max_per_group
        self._in_flight: dict[Key, asyncio.Task[Result]] = {}
        self._by_group: Counter[Group] = Counter()
        self._by_caller: Counter[tuple[Group, str]] = Counter()

    async def run(
        self,
        key: Key,
        group: Group,
        work: Callable[[], Coroutine[Any, Any, Result]],
        too_many: Callable[[], Exception],
        *,
        caller: str = "",
    ) -> Result:
        """Return the result of `work`, or of the task in flight for `key`.

        Raises `too_many()` if the limit is reached.
        """
        task = self._in_flight.get(key)
        if task is None:
            is_full = self._by_group[group] >= self._max_per_group
            if is_full or self._by_caller[group, caller] >= self._max_per_caller:
                raise too_many()
            task = asyncio.create_task(work())
            self._in_flight[key] = task
            self._by_group[group] += 1
            self._by_caller[group, caller] += 1
            task.add_done_callback(lambda _: self._done(key, group, caller))
        # A caller that disconnects must not cancel the task of the others.
        return await asyncio.shield(task)

    def _done(self, key: Key, group: Group, caller: str) -> None:
        task = self._in_flight.pop(key)
        if not task.cancelled():
            # Mark the error as retrieved: all callers may have disconnected.
            task.exception()
        self._by_group -= Counter([group])
        self._by_caller -= Counter([(group, caller)])
