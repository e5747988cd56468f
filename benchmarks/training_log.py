"""Figures of a log with 1,000,000 sets compared with 10,000, and the cost of an import.

    uv run python -m benchmarks.training_log

Both logs have the same year of training; the rest of the large one is in other years. Their users
make the same calls in turns, over gRPC. The import is compared with reading the same file by
Python's csv module and one COPY of the rows that it stored into the same tables.
"""

import asyncio
import datetime as dt
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from uuid import UUID, uuid4

import asyncpg
import grpc
from gymlocker.v2 import (
    auth_pb2,
    auth_pb2_grpc,
    exercise_pb2,
    exercise_pb2_grpc,
    workout_pb2,
)

from benchmarks.imports import EXERCISES_EACH, NAMES, SETS_EACH, Log, measure_import
from benchmarks.launcher import Launcher, free_port
from benchmarks.stack import Person, log_in
from server.libraries.database.migrations import migrate
from server.libraries.database.pool import Database
from server.programs.local.temporary_postgres import temporary_postgres
from server.services.exercise import statements
from server.services.workout.formats.model import ReadWorkout
from server.services.workout.import_repository import ImportRepository
from server.services.workout.model import Exercise, Set, Workout

SMALL, LARGE = 10_000, 1_000_000
YEAR = 2020
REPEATS = 100

Call = Callable[[Person], Awaitable[object]]


async def main() -> None:
    """Fill the logs, measure and print."""
    with ExitStack() as resources:
        postgres = resources.enter_context(temporary_postgres({"shared_buffers": "2GB"}))
        url = postgres.url()
        await migrate(url, None, lambda _: None)
        port = free_port()
        launcher = Launcher(resources)
        worker = launcher.worker(url, f"127.0.0.1:{port}", IMPORTS_PER_ADDRESS="0")
        launcher.wait_for(port)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            log = Log(channel, worker, url)
            await measure_import(log)
            await measure_growth(log)


async def measure_growth(log: Log) -> None:
    """Print the durations of calls in the large log relative to the small one."""
    small, large = await log_in(log.channel), await log_in(log.channel)
    async with Database(log.url, pool_size=1) as database:
        for person, sets in ((small, SMALL), (large, LARGE)):
            await fill(log, database, person, sets)
    connection = await asyncpg.connect(log.url)
    await connection.execute("VACUUM ANALYZE")
    await require_indexes(connection)
    await connection.close()
    print(f"{'':28}{LARGE:,} / {SMALL:,}   {SMALL:,} / {SMALL:,}")
    for name, call in calls(log).items():
        growth, noise = await compare(call, small, large)
        print(f"{name:28}{growth:15.2f}{noise:16.2f}")


async def fill(log: Log, database: Database, person: Person, sets: int) -> None:
    """Store workouts: the same ones in YEAR for everybody, the others in other years."""
    accounts = auth_pb2_grpc.AuthServiceStub(log.channel)
    account = await accounts.GetMe(auth_pb2.GetMeRequest(), metadata=person.metadata)
    owner_id = UUID(account.id)
    chance = random.Random(YEAR)
    count = sets // (EXERCISES_EACH * SETS_EACH)
    in_year = SMALL // (EXERCISES_EACH * SETS_EACH)
    imports = ImportRepository(database)
    for start in range(0, count, 1_000):
        read = [
            ReadWorkout(1, workout(chance, number, in_year), duration_assumed=False)
            for number in range(start, min(start + 1_000, count))
        ]
        await imports.store(owner_id, read, keep_existing=False)


def workout(chance: random.Random, number: int, in_year: int) -> Workout:
    """Return a random workout: within YEAR if its number is below `in_year`."""
    year = YEAR if number < in_year else YEAR - number // in_year
    day = dt.date(year, 1, 1) + dt.timedelta(days=number % in_year * 365 // in_year)
    exercises = tuple(
        Exercise(
            name,
            sets=tuple(
                Set(
                    reps=chance.randrange(1, 13),
                    weight=chance.randrange(40, 400) / 2,
                    weight_unit="kg",
                )
                for _ in range(SETS_EACH)
            ),
        )
        for name in chance.sample(NAMES, EXERCISES_EACH)
    )
    return Workout(uuid4(), day, "Lifting", 65, "", exercises=exercises)


async def require_indexes(connection: asyncpg.Connection) -> None:
    """Fail if a statement of the figures scans a table sequentially."""
    owner = await connection.fetchval(
        "SELECT user_id FROM exercises GROUP BY 1 ORDER BY sum(sets) DESC LIMIT 1"
    )
    values = {
        "owner_id": owner,
        "name_key": NAMES[0].lower(),
        "start_date": dt.date(YEAR, 1, 1),
        "end_date": dt.date(YEAR, 12, 31),
        "kilograms": 1,
        "part": "",
        "after": "",
        "limit": 51,
    }
    for statement in (statements.LIST, statements.PROGRESS, statements.RECORDS):
        plan = await connection.fetch(f"EXPLAIN {statement.sql}", *statement.arguments(values))
        text = "\n".join(row[0] for row in plan)
        for table in ("exercise_sessions", "workout_sets", "workouts"):
            assert f"Seq Scan on {table}" not in text, text


def calls(log: Log) -> dict[str, Call]:
    """Return the measured calls by name."""
    workouts, exercises = log.workouts, exercise_pb2_grpc.ExerciseServiceStub(log.channel)
    year = {"start_date": f"{YEAR}-01-01", "end_date": f"{YEAR}-12-31"}
    page = workout_pb2.ListWorkoutsRequest(page_size=50)
    full = workout_pb2.ListWorkoutsRequest(page_size=50, view="full")
    progress = exercise_pb2.GetExerciseProgressRequest(name=NAMES[0], **year)
    stats = workout_pb2.GetWorkoutStatsRequest(**year)
    return {
        "page of 50": lambda who: workouts.ListWorkouts(page, metadata=who.metadata),
        "page of 50, full view": lambda who: workouts.ListWorkouts(full, metadata=who.metadata),
        "page of 50 changes": lambda who: workouts.ListWorkoutChanges(
            workout_pb2.ListWorkoutChangesRequest(page_size=50), metadata=who.metadata
        ),
        "progress of a year": lambda who: exercises.GetExerciseProgress(
            progress, metadata=who.metadata
        ),
        "exercises": lambda who: exercises.ListExercises(
            exercise_pb2.ListExercisesRequest(), metadata=who.metadata
        ),
        "all records": lambda who: exercises.ListRecords(
            exercise_pb2.ListRecordsRequest(), metadata=who.metadata
        ),
        "statistics of a year": lambda who: workouts.GetWorkoutStats(stats, metadata=who.metadata),
    }


async def compare(call: Call, small: Person, large: Person) -> tuple[float, float]:
    """Return the median ratios of the large log to the small one, and of the small to itself."""
    growth, noise = [], []
    for _ in range(REPEATS):
        first, second = await seconds_of(call, small), await seconds_of(call, large)
        growth.append(second / first)
        noise.append(await seconds_of(call, small) / first)
    return statistics.median(growth), statistics.median(noise)


async def seconds_of(call: Call, person: Person) -> float:
    """Return the duration of a call."""
    started = time.perf_counter()
    await call(person)
    return time.perf_counter() - started


if __name__ == "__main__":
    asyncio.run(main())
