"""Kills of workers, Envoy, PostgreSQL and listening connections, and writes that commit late."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import psutil

from tests.faults import processes
from tests.faults.feed import database
from tests.faults.feed.readers import Poller
from tests.faults.feed.writers import Writers
from tests.support.stack import Stack
from tests.support.waiting import eventually, eventually_true

KINDS = ("worker", "worker", "envoy", "postgres", "listeners", "late write", "worker", "late write")
# After a kill, so many writes must succeed before the next one.
PROGRESS = 50
# For writes, on a busy machine.
TIMEOUT = 600.0


@dataclass
class Disturbances:
    """Disturbances of a stack at random moments. `control` reads by the clock."""

    stack: Stack
    url: str
    workers: int
    writers: Writers
    control: Poller
    chance: random.Random
    done: Counter[str] = field(default_factory=Counter)

    async def run(self, number: int, events: int) -> None:
        """Disturb `number` times, each kind as often as in KINDS, spread over `events`."""
        moments = sorted(self.chance.randrange(events) for _ in range(number))
        kinds: list[str] = []
        while len(kinds) < number:
            kinds += self.chance.sample(KINDS, len(KINDS))
        for moment, kind in zip(moments, kinds, strict=False):
            await eventually(partial(self.writers.record.has_events, moment), TIMEOUT)
            await self._disturb(kind)
            self.done[kind] += 1
            await self._has_written(self.writers.record.writes + PROGRESS)

    async def _disturb(self, kind: str) -> None:
        match kind:
            case "worker":
                number = self.chance.randrange(self.workers)
                await _kill(partial(processes.worker, self.stack, number))
            case "envoy":
                await _kill(partial(processes.envoy, self.stack))
            case "postgres":
                await _kill(partial(processes.postgres, self.stack))
            case "listeners":
                async with database.connected(self.url) as connection:
                    await database.end_listeners(connection)
            case _:
                await self._write_late()

    async def _write_late(self) -> None:
        """Publish an event that is committed after the control has read later ones."""
        async with database.connected(self.url) as connection:
            lock = connection.transaction()
            await lock.start()
            await connection.execute(f"SELECT pg_advisory_xact_lock({database.LOCK})")
            writing = asyncio.create_task(self.writers.publish_held(database.HELD))
            await eventually_true(partial(database.is_held, connection))
            goal = self.control.polls + 2
            await eventually(lambda: self.control.polls >= goal)
            await lock.rollback()
            await writing

    async def _has_written(self, goal: int) -> None:
        await eventually(lambda: self.writers.record.writes >= goal, TIMEOUT)


async def _kill(find: Callable[[], psutil.Process]) -> None:
    """Kill a process, and wait until another has replaced it."""
    old = find()
    old.kill()

    def is_replaced() -> bool:
        with suppress(LookupError):
            return bool(find().pid != old.pid)
        return False

    await eventually(is_replaced)
