"""The training log's migration: a database of the previous release keeps working."""

import datetime as dt
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import asyncpg
import pytest

from server.libraries.database.migrations import migrate
from server.libraries.database.pool import Database
from server.services.workout.change import Change
from server.services.workout.changes_repository import ChangesRepository
from server.services.workout.digest import digest_of
from server.services.workout.etag import ANY, IfMatch
from server.services.workout.formats.model import ReadWorkout
from server.services.workout.import_repository import ImportRepository
from server.services.workout.model import Exercise, Set, Workout
from server.services.workout.page_statements import LAST, Filter
from server.services.workout.repository import WorkoutRepository
from tests.libraries.database import catalog
from tests.libraries.database.test_migrations import run_alembic, silent
from tests.services.system.rows import add_user
from tests.services.workout.recomputed import require_correct_figures

PREVIOUS, NEW = "feed@feed_0012", "feed@feed_0014"
WORKOUT = """
INSERT INTO workouts (user_id, id, date, type, type_key, duration, notes, created)
VALUES ($1, $2, $3, 'Legs', 'legs', 60, $4, '2026-02-07 19:00+00')
"""
DATE = dt.date(2026, 2, 7)
IDS = [UUID(int=number) for number in range(4)]
PROSE = (
    "slept badly\n"
    "Squat: 60 kg × 5 (warm-up), 100 kg × 5 @8.5, 102.5 kg × 3 (deep)\n"
    "Plank: 1:00\n"
    "Squat felt heavy"
)
SQUAT = Exercise(
    "Squat",
    sets=(
        Set("warmup", 5, 60.0, "kg"),
        Set(None, 5, 100.0, "kg", rpe=8.5),
        Set(None, 3, 102.5, "kg", notes="deep"),
    ),
)
EXERCISES = (SQUAT, Exercise("Plank", sets=(Set(duration=60),)))


@pytest.fixture
async def owner_id(empty_database: str, connection: asyncpg.Connection) -> UUID:
    """Return the owner of workouts that the previous release stored, after the upgrade."""
    await migrate(empty_database, None, silent)
    await run_alembic(empty_database, "downgrade", PREVIOUS)
    owner_id = await add_user(connection)
    for workout_id in IDS:
        notes = PROSE if workout_id == IDS[2] else ""
        await connection.execute(WORKOUT, owner_id, workout_id, DATE, notes)
    await run_alembic(empty_database, "upgrade", NEW)
    return owner_id


@pytest.fixture
async def pool(empty_database: str, owner_id: UUID) -> AsyncIterator[Database]:
    """Return a pool on the upgraded database."""
    async with Database(empty_database, pool_size=2) as pool:
        yield pool


class TestMigration:
    async def test_downgrade_restores_previous_schema(
        self, empty_database: str, connection: asyncpg.Connection
    ) -> None:
        await migrate(empty_database, None, silent)
        await run_alembic(empty_database, "downgrade", PREVIOUS)
        before = await catalog.schema(connection)
        functions = await connection.fetch(FUNCTIONS)
        assert not [line for line in before if "exercise" in line or "revision" in line]
        await run_alembic(empty_database, "upgrade", NEW)
        assert await catalog.schema(connection) != before
        assert await connection.fetch(FUNCTIONS) != functions
        await run_alembic(empty_database, "downgrade", PREVIOUS)
        assert await catalog.schema(connection) == before
        assert await connection.fetch(FUNCTIONS) == functions

    async def test_downgrade_keeps_workouts_and_sums(
        self, empty_database: str, pool: Database, owner_id: UUID, connection: asyncpg.Connection
    ) -> None:
        workouts = WorkoutRepository(pool)
        await workouts.update(owner_id, IDS[1], Change(exercises=EXERCISES), ANY)
        await workouts.delete(owner_id, IDS[3], ANY)
        await run_alembic(empty_database, "downgrade", PREVIOUS)
        query = "SELECT count, minutes FROM workout_days WHERE user_id = $1"
        assert [tuple(row) for row in await connection.fetch(query, owner_id)] == [(3, 180)]
        await connection.execute("DELETE FROM workouts WHERE id = $1", IDS[1])
        await connection.execute(WORKOUT, owner_id, uuid4(), DATE, "")
        await connection.execute("UPDATE workouts SET duration = 10")
        assert [tuple(row) for row in await connection.fetch(query, owner_id)] == [(3, 30)]


class TestUpgradedWorkouts:
    async def test_are_listed_with_etags(self, pool: Database, owner_id: UUID) -> None:
        workouts = WorkoutRepository(pool)
        for max_bytes in (0, 10_000):
            page = await workouts.page(owner_id, Filter(), LAST, 10, max_bytes)
            assert [stored.workout.id for stored in page.workouts] == IDS[::-1]
            for stored in page.workouts:
                assert stored.digest == digest_of(stored.workout, None)
                assert stored.updated == stored.created
                assert (stored.exercise_count, stored.set_count, stored.source) == (0, 0, "")

    async def test_are_changes(self, pool: Database, owner_id: UUID) -> None:
        changes = ChangesRepository(pool)
        found, cursor = [], None
        for _ in IDS:
            page = await changes.get(owner_id, cursor, 1, 10_000)
            found += page.changes
            cursor = page.next
        assert not page.has_more
        assert [stored.workout.id for stored in found if not isinstance(stored, UUID)] == IDS
        workouts = WorkoutRepository(pool)
        await workouts.delete(owner_id, IDS[0], ANY)
        await workouts.update(owner_id, IDS[3], Change(notes="new"), ANY)
        first, second = (await changes.get(owner_id, cursor, 10, 10_000)).changes
        assert (first, getattr(second, "workout", None)) == (
            IDS[0],
            Workout(IDS[3], DATE, "Legs", 60, "new"),
        )

    async def test_can_be_replaced_if_etag_matches(
        self, pool: Database, owner_id: UUID, connection: asyncpg.Connection
    ) -> None:
        workouts = WorkoutRepository(pool)
        stored = await workouts.get(owner_id, IDS[1])
        assert stored is not None
        change = Change(DATE, "Legs", 45, "", exercises=EXERCISES)
        etag = IfMatch(frozenset({stored.digest.hex()}))
        changed = await workouts.update(owner_id, IDS[1], change, etag)
        assert changed is not None
        assert changed.workout == Workout(IDS[1], DATE, "Legs", 45, "", exercises=EXERCISES)
        assert changed.created == stored.created
        await require_correct_figures(connection, str(owner_id))

    async def test_take_sets_of_file_imported_again(
        self, pool: Database, owner_id: UUID, connection: asyncpg.Connection
    ) -> None:
        imports, workouts = ImportRepository(pool), WorkoutRepository(pool)
        # The person changed the duration since the first import.
        file = Workout(IDS[2], DATE, "Legs", 45, "", "2026-02-07T18:30:00Z", EXERCISES)
        read = [ReadWorkout(2, file, duration_assumed=False, source="strong")]
        for keep_existing, expected in ((True, (0, 1)), (False, (1, 0)), (False, (0, 0))):
            preview = await imports.preview(owner_id, read, keep_existing=keep_existing)
            result = await imports.store(owner_id, read, keep_existing=keep_existing)
            assert preview == result
            assert (result.updated, result.existing) == expected
        stored = await workouts.get(owner_id, IDS[2])
        assert stored is not None
        assert stored.workout == Workout(
            IDS[2],
            DATE,
            "Legs",
            60,
            "slept badly\nSquat felt heavy",
            "2026-02-07T18:30:00Z",
            EXERCISES,
        )
        assert (stored.source, stored.created) == (
            "strong",
            dt.datetime(2026, 2, 7, 19, tzinfo=dt.UTC),
        )
        await require_correct_figures(connection, str(owner_id))

    async def test_stay_if_imported_again_unchanged(self, pool: Database, owner_id: UUID) -> None:
        imports = ImportRepository(pool)
        file = Workout(IDS[1], DATE, "Legs", 60, "")
        read = [ReadWorkout(2, file, duration_assumed=False, source="gymlocker")]
        result = await imports.store(owner_id, read, keep_existing=False)
        assert (result.existing, result.added, result.updated) == (1, 0, 0)


FUNCTIONS = """
SELECT proname, pg_get_functiondef(oid) FROM pg_proc
WHERE pronamespace = 'public'::regnamespace ORDER BY proname
"""
