"""Devices that apply changes from cursors while many write and workers are killed.

The control polls by the time of the last change, which misses commits that come late.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID, uuid4

import asyncpg
import psutil
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode

from server.programs.demo.transport import (
    CallError,
    GrpcTransport,
    RestTransport,
    Transport,
    channel_over,
)
from server.programs.local.temporary_postgres import TemporaryPostgres
from tests.faults import processes
from tests.libraries.database.conftest import make_database
from tests.services.workout.device import Device
from tests.services.workout.diary import FIELDS, Diary, Workout, diary_of
from tests.services.workout.recomputed import require_correct_figures
from tests.services.workout.training import messages, squats
from tests.support.client import Client
from tests.support.stack import Stack, running_stack
from tests.support.waiting import eventually

pytestmark = pytest.mark.extended

WRITERS = 20
KILLS = 4
# A call can fail with its worker, and write to what another writer deleted.
EXPECTED = {StatusCode.UNAVAILABLE, StatusCode.NOT_FOUND, StatusCode.ALREADY_EXISTS}


@dataclass
class Writers:
    """Writers that create, change and delete the workouts of one user."""

    diaries: list[Diary]
    chance: random.Random
    known: list[str] = field(default_factory=list)
    done: int = 0
    unexpected: list[CallError] = field(default_factory=list)

    async def run(self, number: int) -> None:
        """Write, forever."""
        diary = self.diaries[number % len(self.diaries)]
        while True:
            try:
                await self._write(diary)
                self.done += 1
            except CallError as error:
                if error.code not in EXPECTED:
                    self.unexpected.append(error)
                # As long as a worker is down, half of the calls fail at once.
                await asyncio.sleep(0.02)

    async def _write(self, diary: Diary) -> None:
        chance = self.chance.random()
        if chance < 0.4 or len(self.known) < 10:
            workout_id = str(uuid4())
            self.known.append(workout_id)
            await diary.create(id=workout_id, exercises=squats(60, sets=3))
        elif chance < 0.5:
            # It may still exist.
            await diary.create(id=self.chance.choice(self.known), notes="again")
        elif chance < 0.6:
            await diary.delete(self.chance.choice(self.known))
        elif chance < 0.7:
            await diary.replace(self._recent(), **FIELDS, exercises=messages([{"name": "Plank"}]))
        elif chance < 0.85:
            await diary.patch(self._recent(), exercises=squats(round(chance * 100, 1)))
        else:
            await diary.patch(self._recent(), date=f"2026-02-{self.chance.randrange(1, 28):02}")

    def _recent(self) -> str:
        return self.chance.choice(self.known[-20:])


@dataclass
class PollingByTime:
    """A client that reads what changed after the last time that it saw: the control.

    It is told which workouts still exist, so it can only differ by missed changes.
    """

    diary: Diary
    last: Timestamp = field(default_factory=Timestamp)
    copy: dict[str, Workout] = field(default_factory=dict)

    async def read(self) -> None:
        """Read all workouts, and apply those that are newer than the last time."""
        stored = await self.diary.all(view="full", page_size=100)
        newer = [one for one in stored if one.update_time.ToNanoseconds() > self._last()]
        self.copy |= {one.id: one for one in newer}
        ids = {one.id for one in stored}
        self.copy = {key: one for key, one in self.copy.items() if key in ids}
        self.last = max((one.update_time for one in newer), key=_nanoseconds, default=self.last)

    def _last(self) -> int:
        return self.last.ToNanoseconds()


def _nanoseconds(time: Timestamp) -> int:
    return time.ToNanoseconds()


async def repeat(read: Callable[[], Awaitable[object]]) -> None:
    """Read forever; a call can fail with its worker."""
    while True:
        with suppress(CallError):
            await read()
        await asyncio.sleep(0.01)


async def write_late(database: asyncpg.Connection, diary: Diary, control: PollingByTime) -> UUID:
    """Add a workout in a transaction whose time is before others that the control has read."""
    owner_id, workout_id = UUID(diary.user.id), uuid4()
    async with database.transaction():
        began = await database.fetchval("SELECT now()")
        await eventually(lambda: control.last.ToNanoseconds() / 1e9 > began.timestamp())
        await database.execute(
            """
            INSERT INTO workouts (user_id, id, date, type, type_key, duration, notes, created,
                updated, revision)
            VALUES ($1, $2, '2026-02-07', 'Late', 'late', 30, '', now(), now(),
                next_workout_revision($1))
            """,
            owner_id,
            workout_id,
        )
    return workout_id


async def kill_workers(stack: Stack, writers: Writers) -> None:
    """Kill workers in turn; each time, wait until writes succeed again."""
    for number in range(KILLS):
        worker = processes.worker(stack, number % 2)
        worker.kill()
        await eventually(partial(_is_replaced, stack, worker, number % 2))
        await eventually(partial(_has_done, writers, writers.done + 50))


def _is_replaced(stack: Stack, old: psutil.Process, number: int) -> bool:
    with suppress(LookupError):
        return bool(processes.worker(stack, number).pid != old.pid)
    return False


def _has_done(writers: Writers, goal: int) -> bool:
    return writers.done >= goal


@contextmanager
def stack_on(url: str) -> Iterator[Stack]:
    """Run a stack with two workers."""
    with (
        TemporaryDirectory(prefix="gymlocker-devices-") as folder,
        running_stack(Path(folder), workers=2, DATABASE_URL=url) as stack,
    ):
        yield stack


class TestTwoDevices:
    async def test_end_with_exactly_what_is_stored(self, postgres: TemporaryPostgres) -> None:
        url = await make_database(postgres, "devices")
        database = await asyncpg.connect(url)
        with stack_on(url) as stack:
            transports: list[Transport] = [GrpcTransport(stack.url), RestTransport(stack.url)]
            first, second = [Client(channel_over(transport)) for transport in transports]
            diary = await diary_of(first, await first.created_user())
            other = Diary(second, diary.user, diary.tokens)
            writers = Writers([diary, other], random.Random(1))
            devices = [Device(diary, page_size=3), Device(other, page_size=100)]
            control = PollingByTime(diary)
            tasks = [asyncio.create_task(writers.run(number)) for number in range(WRITERS)]
            readers = [
                asyncio.create_task(repeat(read))
                for read in (*(device.read for device in devices), control.read)
            ]
            late = [await write_late(database, diary, control) for _ in range(3)]
            await kill_workers(stack, writers)
            for task in (*tasks, *readers):
                task.cancel()
            ends = await asyncio.gather(*tasks, *readers, return_exceptions=True)
            assert all(isinstance(end, asyncio.CancelledError) for end in ends), ends
            assert writers.unexpected == []

            # Calls that were cancelled may still be running.
            await eventually_idle(database)
            await control.read()
            for device in devices:
                await device.synchronize()
                assert await device.is_exact()
            assert devices[0].copy == devices[1].copy
            missed = devices[0].copy.keys() - control.copy.keys()
            assert {str(workout_id) for workout_id in late} <= missed
            await require_correct_figures(database, diary.user.id)
            for transport in transports:
                await transport.close()
        await database.close()


async def eventually_idle(database: asyncpg.Connection) -> None:
    """Wait until no other connection runs a statement or holds a transaction open."""
    query = """
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()
    """
    async with asyncio.timeout(30):
        while await database.fetchval(query):
            await asyncio.sleep(0.05)
