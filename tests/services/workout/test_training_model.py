"""Arbitrary training logs: what was given is returned, and all figures equal plain Python."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import pytest
from gymlocker.v2 import training_pb2, user_pb2
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from server.libraries.database.pool import Database
from server.programs.local.temporary_postgres import TemporaryPostgres
from server.services.workout.formats.model import ReadWorkout
from server.services.workout.import_repository import ImportRepository
from server.services.workout.messages import exercises_of
from server.services.workout.model import Workout as EnteredWorkout
from tests.services.workout.diary import (
    FIELDS,
    TABLES,
    Diary,
    Workout,
    diary_of,
    entered,
    over_grpc,
)
from tests.services.workout.recomputed import require_correct_figures
from tests.services.workout.training import EXERCISES, messages
from tests.support.client import SOME_UUID, Client

Json = dict[str, Any]


def by_hypothesis(examples: int) -> settings:
    """Return settings of reproducible tests."""
    return settings(
        derandomize=True,
        deadline=None,
        max_examples=examples,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )


def numbers(low: int, high: int) -> st.SearchStrategy[float]:
    """Generate numbers with at most 3 decimals; half of them small."""
    near = st.integers(max(low * 1000, -5_000), 200_000)
    return (near | st.integers(low * 1000, high * 1000)).map(lambda thousandths: thousandths / 1000)


def texts(characters: int) -> st.SearchStrategy[str]:
    """Generate texts without NUL and surrogates."""
    some = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
    return st.text(some, min_size=1, max_size=characters)


WEIGHTS = st.fixed_dictionaries(
    {"value": numbers(-10_000, 10_000), "unit": st.sampled_from(["kg", "lb"])}
)
DISTANCES = st.fixed_dictionaries(
    {"value": numbers(0, 10_000_000).map(abs), "unit": st.sampled_from(["m", "km", "mi", "yd"])}
)
SETS = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(["normal", "warmup", "drop", "failure"]),
        "reps": st.integers(0, 14) | st.integers(0, 10_000),
        "weight": WEIGHTS,
        "distance": DISTANCES,
        "durationSeconds": st.integers(0, 604_800),
        "rpe": st.integers(2, 20).map(lambda halves: halves / 2),
        "completed": st.booleans(),
        "notes": texts(20),
    },
)
NAMES = st.sampled_from(["Squat", "squat", "SQUAT", "Straße", "STRASSE", "Bench", "Übung"])
OTHER_NAMES = texts(50).map(lambda text: f"{text}x".strip())
EXERCISE = st.fixed_dictionaries(
    {"name": NAMES | OTHER_NAMES, "sets": st.lists(SETS, max_size=6)},
    optional={"notes": texts(50), "superset": st.integers(0, 10)},
)
EXERCISE_LISTS = st.lists(EXERCISE, max_size=5)
START_TIMES = st.sampled_from(["", "2026-02-07T18:30:00+01:00", "2026-02-07T18:30:00Z"])

DATES = st.sampled_from(["2026-02-07", "2026-02-08", "2026-02-09"])
TYPES = st.sampled_from(["Run", "RUN", "Legs"])
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "date": DATES,
        "type": TYPES,
        "duration": st.integers(1, 500),
        "exercises": EXERCISE_LISTS.map(messages),
    },
)
# Each with the number of the workout that it concerns.
NUMBERS = st.integers(0, 5)
CREATE = st.tuples(st.just("create"), NUMBERS, CHANGES)
OPERATIONS = st.lists(
    CREATE
    | st.tuples(st.just("patch"), NUMBERS, CHANGES)
    | st.tuples(st.just("replace"), NUMBERS, CHANGES)
    | st.tuples(st.just("delete"), NUMBERS, st.just({}))
    | st.tuples(st.just("import"), NUMBERS, st.lists(CHANGES, min_size=1, max_size=4))
    | st.tuples(st.just("move"), NUMBERS, DATES)
    | st.tuples(st.just("drop"), NUMBERS, st.just({})),
    max_size=12,
)


def id_of(number: int) -> str:
    """Return the id of a workout."""
    return str(uuid5(UUID(SOME_UUID), str(number)))


@pytest.fixture
async def imports(postgres: TemporaryPostgres) -> AsyncIterator[ImportRepository]:
    """Return the repository of imports."""
    async with Database(postgres.url("gymlocker"), pool_size=1) as pool:
        yield ImportRepository(pool)


class TestWorkout:
    @by_hypothesis(25)
    @given(EXERCISE_LISTS, START_TIMES)
    @example(EXERCISES, "")
    async def test_is_returned_as_it_was_given(
        self, diary: Diary, exercises: list[Json], start_time: str
    ) -> None:
        given_exercises = messages(exercises)
        created = await diary.create(exercises=given_exercises, start_time=start_time)
        expected = Workout(id=created.id, **FIELDS, exercises=given_exercises)  # type: ignore[arg-type]
        if start_time:
            expected.start_time = start_time
        assert entered(created) == expected
        assert await diary.get(created.id) == created
        assert await diary.create(
            id=created.id, exercises=given_exercises, start_time=start_time
        ) == (created)
        page = await diary.page(view="full", page_size=1)
        assert list(page.workouts) == [created]
        replaced = await diary.replace(created.id, **FIELDS)
        assert entered(replaced) == expected
        await diary.delete(created.id)


class TestFigures:
    @over_grpc
    @by_hypothesis(50)
    @given(OPERATIONS)
    async def test_equal_plain_python_after_any_operations(
        self,
        diary: Diary,
        database: asyncpg.Connection,
        imports: ImportRepository,
        operations: list[tuple[str, int, Any]],
    ) -> None:
        await _clear(database, diary)
        for name, number, values in operations:
            await _run(diary, database, imports, name, number, values)
            await require_correct_figures(database, diary.user.id)

    @over_grpc
    async def test_equal_plain_python_for_full_sets(
        self, diary: Diary, database: asyncpg.Connection
    ) -> None:
        workout = await diary.create(exercises=messages(EXERCISES))
        await diary.create(exercises=messages(EXERCISES))
        await require_correct_figures(database, diary.user.id)
        await diary.patch(workout.id, date="2026-02-09", type="Legs")
        await require_correct_figures(database, diary.user.id)
        query = "SELECT count(*) FROM exercise_sessions WHERE user_id = $1 AND volume > 0"
        assert await database.fetchval(query, UUID(diary.user.id)) == 2

    @over_grpc
    async def test_are_deleted_with_user(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        diary = await diary_of(client, await client.new_user())
        for date in ("2026-02-07", "2026-02-08"):
            await diary.create(date=date, exercises=messages(EXERCISES))
        await diary.delete((await diary.create(exercises=messages(EXERCISES))).id)
        for table in TABLES:
            query = f"SELECT count(*) FROM {table} WHERE user_id = $1"
            assert await database.fetchval(query, UUID(diary.user.id)) > 0
        await client.users.DeleteUser(
            user_pb2.DeleteUserRequest(id=diary.user.id, password=diary.user.password)
        )
        for table in TABLES:
            query = f"SELECT count(*) FROM {table} WHERE user_id = $1"
            assert await database.fetchval(query, UUID(diary.user.id)) == 0, table


async def _clear(database: asyncpg.Connection, diary: Diary) -> None:
    for table in ("workouts", "workout_deletions", "workout_clocks"):
        await database.execute(f"DELETE FROM {table} WHERE user_id = $1", UUID(diary.user.id))


async def _run(
    diary: Diary,
    database: asyncpg.Connection,
    imports: ImportRepository,
    name: str,
    number: int,
    values: Any,
) -> None:
    """Run an operation, if the workout that it concerns exists, or must not exist."""
    ids = {workout.id for workout in await diary.all()}
    owner_id, workout_id = UUID(diary.user.id), id_of(number)
    if name == "create" and workout_id not in ids:
        await diary.create(id=workout_id, **values)
    elif name == "import":
        read = [_read(number + place, each) for place, each in enumerate(values)]
        await imports.store(owner_id, read, keep_existing=False)
    elif workout_id in ids and name == "patch":
        await diary.patch(workout_id, **values)
    elif workout_id in ids and name == "replace":
        await diary.replace(workout_id, **{**FIELDS, **values})
    elif name == "delete" and workout_id in ids:
        await diary.delete(workout_id)
    elif name == "move":
        # As the previous release does.
        await database.execute(
            "UPDATE workouts SET date = $3 WHERE user_id = $1 AND id = $2",
            owner_id,
            UUID(workout_id),
            dt.date.fromisoformat(values),
        )
    elif name == "drop":
        await database.execute(
            "DELETE FROM workouts WHERE user_id = $1 AND date = '2026-02-08'", owner_id
        )


def _read(number: int, values: Json) -> ReadWorkout:
    exercises: list[training_pb2.WorkoutExercise] = values.get("exercises", [])
    workout = EnteredWorkout(
        UUID(id_of(number)),
        dt.date.fromisoformat(values.get("date", "2026-02-07")),
        values.get("type", "Legs"),
        values.get("duration", 60),
        "",
        "",
        exercises_of(exercises, "exercises"),
    )
    return ReadWorkout(1, workout, duration_assumed=False, source="strong")
