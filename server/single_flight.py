"""One piece of work for all who ask the same at the same time."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Group = TypeVar("Group", bound=Hashable)
Result = TypeVar("Result")


class SingleFlight(Generic[Key, Group, Result]):
    """Shares what is under way; of one group, no more than `most` different things are."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._under_way: dict[Key, asyncio.Task[Result]] = {}
        self._at_once: Counter[Group] = Counter()

    async def run(
        self,
        key: Key,
        group: Group,
        work: Callable[[], Coroutine[Any, Any, Result]],
        too_many: Callable[[], Exception],
    ) -> Result:
        """What comes of `work`, or of the same `key` that is under way; else raises `too_many`."""
        task = self._under_way.get(key)
        if task is None:
            if self._at_once[group] >= self._most:
                raise too_many()
            task = asyncio.create_task(work())
            self._under_way[key] = task
            self._at_once[group] += 1
            task.add_done_callback(lambda _: self._done(key, group))
        # One caller who hangs up must not take the answer from the others.
        return await asyncio.shield(task)

    def _done(self, key: Key, group: Group) -> None:
        task = self._under_way.pop(key)
        if not task.cancelled():
            # If all callers hung up, nobody else looks at what went wrong.
            task.exception()
        self._at_once -= Counter([group])
