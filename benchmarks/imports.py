"""The cost of an import, relative to reading its file and copying its rows.

The rows are those that the import has stored. One COPY for each table copies them.
"""

import asyncio
import csv
import datetime as dt
import io
import random
import statistics
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import asyncpg
import grpc
import psutil
from google.api.httpbody_pb2 import HttpBody
from gymlocker.v2 import workout_pb2, workout_pb2_grpc

from benchmarks.stack import log_in

SETS_EACH = 5
EXERCISES_EACH = 8
NAMES = [f"Exercise {number}" for number in range(40)]
IMPORTED_WORKOUTS = 2_500
IMPORTS = 5
CHUNK_BYTES = 256 * 1024
SAMPLE_SECONDS = 0.01
# Strong writes local times without a zone.
FIRST_TIME = dt.datetime(2019, 1, 1, 18, 2, 11)  # noqa: DTZ001
# Tables with a row for each workout, exercise or set. Triggers maintain the others.
TABLES = ("workouts", "workout_exercises", "workout_sets", "exercise_sessions")
STRONG_COLUMNS = (
    *("Date", "Workout Name", "Duration", "Exercise Name", "Set Order", "Weight", "Reps"),
    *("Distance", "Seconds", "Notes", "Workout Notes", "RPE"),
)


@dataclass(frozen=True)
class Log:
    """A worker on a database."""

    channel: grpc.aio.Channel
    worker: psutil.Process
    url: str

    @property
    def workouts(self) -> workout_pb2_grpc.WorkoutServiceStub:
        """Return the stub of the worker."""
        return workout_pb2_grpc.WorkoutServiceStub(self.channel)


async def measure_import(log: Log) -> None:
    """Print the cost of an import relative to reading and copying its rows."""
    data = strong_file(IMPORTED_WORKOUTS)
    ratios = []
    for _ in range(IMPORTS):
        person = await log_in(log.channel)
        before = log.worker.memory_info().rss
        watch = asyncio.create_task(peak_memory(log.worker))
        started = time.perf_counter()
        response = await log.workouts.ImportWorkouts(chunks(data), metadata=person.metadata)
        seconds = time.perf_counter() - started
        watch.cancel()
        grown = max(await watch, log.worker.memory_info().rss) - before
        assert response.added == IMPORTED_WORKOUTS, response
        reading = read_seconds(data)
        copying = await copy_seconds(log.url)
        ratios.append(seconds / (reading + copying))
        print(
            f"import {seconds:.2f} s, csv {reading:.2f} s, COPY {copying:.2f} s: "
            f"{ratios[-1]:.2f}; memory + {grown / 2**20:.0f} MiB"
        )
    print(f"import of 100,000 sets / (csv + COPY): {statistics.median(ratios):.2f}")


def strong_file(workouts: int) -> bytes:
    """Return a file of Strong with this number of workouts, of 40 sets each."""
    chance = random.Random(1)
    file = io.StringIO(newline="")
    rows = csv.writer(file)
    rows.writerow(STRONG_COLUMNS)
    for workout in range(workouts):
        day = FIRST_TIME + dt.timedelta(days=workout)
        for name in chance.sample(NAMES, EXERCISES_EACH):
            for order in range(1, SETS_EACH + 1):
                weight, reps = chance.randrange(40, 400) / 2, chance.randrange(1, 13)
                cells = (day, "Evening Workout", "1h 5m", name, order, weight, reps, 0, 0, "", "")
                rows.writerow((*cells, 8 if order == SETS_EACH else ""))
    return file.getvalue().encode()


async def chunks(data: bytes) -> AsyncIterator[workout_pb2.ImportWorkoutsRequest]:
    """Yield the requests of an upload."""
    for start in range(0, len(data), CHUNK_BYTES):
        body = HttpBody(data=data[start : start + CHUNK_BYTES])
        yield workout_pb2.ImportWorkoutsRequest(file=body, unit="kg")


async def peak_memory(process: psutil.Process) -> int:
    """Return the highest resident memory until this task is cancelled."""
    peak = 0
    try:
        while True:
            peak = max(peak, process.memory_info().rss)
            await asyncio.sleep(SAMPLE_SECONDS)
    except asyncio.CancelledError:
        return peak


def read_seconds(data: bytes) -> float:
    """Return the seconds in which Python's csv module reads the file."""
    started = time.perf_counter()
    lines = sum(1 for _ in csv.reader(io.TextIOWrapper(io.BytesIO(data), newline="")))
    assert lines > IMPORTED_WORKOUTS
    return time.perf_counter() - started


async def copy_seconds(url: str) -> float:
    """Copy the rows of the newest user to another user; return the seconds of the COPY."""
    connection = await asyncpg.connect(url)
    try:
        newest = await connection.fetchval("SELECT id FROM users ORDER BY created DESC LIMIT 1")
        owner = uuid4()
        await connection.execute(
            "INSERT INTO users SELECT (jsonb_populate_record(users, jsonb_build_object("
            "'id', $2::uuid, 'user_lookup', $2::text, 'username', NULL, 'username_key', NULL))).* "
            "FROM users WHERE id = $1",
            newest,
            owner,
        )
        rows = {table: await rows_of(connection, table, newest, owner) for table in TABLES}
        started = time.perf_counter()
        async with connection.transaction():
            for table, file in rows.items():
                await connection.copy_to_table(table, source=file, format="binary")
        seconds = time.perf_counter() - started
        await connection.execute("DELETE FROM users WHERE id = $1", owner)
        return seconds
    finally:
        await connection.close()


async def rows_of(
    connection: asyncpg.Connection, table: str, user_id: UUID, owner: UUID
) -> io.BytesIO:
    """Return the rows of a user in a table as a file for COPY, with another owner."""
    columns = await connection.fetch(
        "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 1 "
        "AND NOT attisdropped ORDER BY attnum",
        table,
    )
    names = ", ".join(name for (name,) in columns)
    file = io.BytesIO()
    await connection.copy_from_query(
        f"SELECT '{owner}'::uuid, {names} FROM {table} WHERE user_id = '{user_id}'",  # noqa: S608
        output=file,
        format="binary",
    )
    file.seek(0)
    return file
