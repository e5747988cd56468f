"""One piece of work for all who ask the same at the same time."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Group = TypeVar("Group", bound=Hashable)
Result = TypeVar("Result")


class SingleFlight(Generic[Key, Group, Result]):
    """Shares what is under way; of one group, no more than `most` different things are.

    Of these, one caller has no more than `most_of_caller`, where it is said who calls.
    """

    def __init__(self, most: int, *, max_per_caller: int | None = None) -> None:
        self._most = most
        self._max_per_caller = max_per_caller or most
        self._in_flight: dict[Key, asyncio.Task[Result]] = {}
        self._at_once: Counter[Group] = Counter()
        self._of_caller: Counter[tuple[Group, str]] = Counter()

    async def run(
        self,
        key: Key,
        group: Group,
        work: Callable[[], Coroutine[Any, Any, Result]],
        too_many: Callable[[], Exception],
        *,
        caller: str = "",
    ) -> Result:
        """What comes of `work`, or of the same `key` that is under way; else raises `too_many`."""
        task = self._in_flight.get(key)
        if task is None:
            is_full = self._at_once[group] >= self._most
            if is_full or self._of_caller[group, caller] >= self._max_per_caller:
                raise too_many()
            task = asyncio.create_task(work())
            self._in_flight[key] = task
            self._at_once[group] += 1
            self._of_caller[group, caller] += 1
            task.add_done_callback(lambda _: self._done(key, group, caller))
        # One caller who hangs up must not take the answer from the others.
        return await asyncio.shield(task)

    def _done(self, key: Key, group: Group, caller: str) -> None:
        task = self._in_flight.pop(key)
        if not task.cancelled():
            # If all callers hung up, nobody else looks at what went wrong.
            task.exception()
        self._at_once -= Counter([group])
        self._of_caller -= Counter([(group, caller)])
