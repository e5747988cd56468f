"""A run: writers, readers and disturbances on a stack with three workers behind Envoy."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from server.programs.local.postgres import url_at
from tests.faults.feed import database, lossy_hints
from tests.faults.feed.crowd import Crowd, gathered
from tests.faults.feed.disturbances import TIMEOUT, Disturbances
from tests.faults.feed.record import Difference
from tests.faults.feed.result import Result
from tests.faults.feed.trusting_worker import trusting_worker
from tests.services.event.follower import Follower
from tests.support.stack import running_stack
from tests.support.waiting import eventually, eventually_true

WORKERS, WRITERS = 3, 50
# Longer than a worker takes to find what it was not told of.
END_SECONDS = 120.0


async def run(*, events: int, disturbances: int, seed: int) -> Result:
    """Run until so many events were published or replaced, and all disturbances are over."""
    chance = random.Random(seed)
    async with AsyncExitStack() as resources:
        # Not in pytest's folder: the user of PostgreSQL must pass through, if root runs the tests.
        folder = Path(resources.enter_context(TemporaryDirectory(prefix="gymlocker-feed-")))
        stack = resources.enter_context(
            running_stack(
                folder / "stack",
                workers=WORKERS,
                program=lossy_hints.PROGRAM,
                WATCHERS_PER_ADDRESS="0",
                HINTS_FOLDER=str(folder),
            )
        )
        url = _embedded_url(folder / "stack")
        async with database.connected(url) as connection:
            await connection.execute(database.DELAYS)
        channel = await resources.enter_async_context(trusting_worker(folder, url))
        crowd = await gathered(stack.url, channel, chance, resources)
        disturber = Disturbances(stack, url, WORKERS, crowd.writers, crowd.clock, chance)
        async with crowd.reading():
            await crowd.trusting.is_caught_up.wait()
            writing = asyncio.create_task(crowd.writers.run(WRITERS))
            await disturber.run(disturbances, events)
            await eventually(partial(crowd.writers.record.has_events, events), TIMEOUT)
            crowd.writers.is_done = True
            await writing
            # Nobody is told of the last events.
            (folder / lossy_hints.ALL).touch()
            await crowd.writers.publish_last()
            of_database = await _settle(crowd, url)
            await crowd.until_exact(END_SECONDS)
            of_watchers = [_differences(crowd, one) for one in crowd.watchers]
        for poller in (*crowd.pollers, crowd.clock):
            await poller.read_all()
        return Result(
            crowd,
            disturber,
            (folder / lossy_hints.COUNT).stat().st_size,
            of_database,
            [*of_watchers, *(_differences(crowd, one) for one in crowd.pollers)],
            of_clock=_differences(crowd, crowd.clock),
            of_trusting=_differences(crowd, crowd.trusting),
        )


def _embedded_url(folder: Path) -> str:
    return url_at((folder / "postgres/run").resolve())


async def _settle(crowd: Crowd, url: str) -> Sequence[Difference]:
    """Compare what is stored with what was acknowledged, once nothing is written any more."""
    record = crowd.writers.record
    async with database.connected(url) as connection:
        await eventually_true(partial(database.is_idle, connection))
        stored = await database.stored(connection)
    record.settle(stored)
    return record.differences(stored, {user.id for user in crowd.writers.users})


def _differences(crowd: Crowd, reader: Follower) -> Sequence[Difference]:
    record = crowd.writers.record
    return record.differences(reader.events, reader.secrets.keys())
